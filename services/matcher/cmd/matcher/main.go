// Command matcher matches events to subscriptions.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/matcher"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service matcher.Config
}

func main() {
	process.Main("matcher", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: matcher.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return matcher.FromKit(s.Service, k) }})
	})
}
