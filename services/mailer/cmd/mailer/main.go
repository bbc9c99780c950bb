// Command mailer sends emails.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service mailer.Config
}

func main() {
	process.Main("mailer", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: mailer.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return mailer.FromKit(s.Service, k) }})
	})
}
