// Command console serves the management API.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/console"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service console.Config
}

func main() {
	process.Main("console", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: console.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return console.FromKit(s.Service, k) }})
	})
}
