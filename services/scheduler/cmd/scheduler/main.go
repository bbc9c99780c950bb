// Command scheduler fires events x days after an invoice was delivered.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/scheduler"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service scheduler.Config
}

func main() {
	process.Main("scheduler", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: scheduler.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return scheduler.FromKit(s.Service, k) }})
	})
}
