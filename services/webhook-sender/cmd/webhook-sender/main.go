// Command webhook-sender posts webhooks.
package main

import (
	"context"
	_ "time/tzdata"

	"github.com/billhook/billhook/config/kit"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

type settings struct {
	Link    link.Settings
	Kit     kit.Settings
	Service webhooksender.Config
}

func main() {
	process.Main("webhook-sender", func(ctx context.Context, p *process.Process, s settings) error {
		return kit.Run(ctx, p, kit.Start{Link: s.Link, Kit: s.Kit, Needs: webhooksender.Needs(),
			Make: func(k *kit.Kit) (process.Service, error) { return webhooksender.FromKit(s.Service, k) }})
	})
}
