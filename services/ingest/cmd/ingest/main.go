// Command ingest takes events in over NATS and HTTP.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service ingest.Config
}

func main() {
	process.Main("ingest", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: ingest.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return ingest.FromKit(s.Service, k) }})
	})
}
