// Command queue hands out the events of queues over HTTP.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/queue"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service queue.Config
}

func main() {
	process.Main("queue", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: queue.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return queue.FromKit(s.Service, k) }})
	})
}
