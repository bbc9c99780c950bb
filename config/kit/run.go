package kit

import (
	"context"

	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/link"
)

// Start is how a service runs as a process of its own.
type Start struct {
	Link  link.Settings
	Kit   Settings
	Needs Needs
	// Make makes the service.
	Make func(*Kit) (process.Service, error)
}

// Run connects, assembles a kit, and runs the one service until ctx ends.
func Run(ctx context.Context, p *process.Process, s Start) error {
	if s.Link.Name == "" {
		s.Link.Name = p.Name
	}
	nc, js, err := link.Connect(ctx, s.Link, p.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	k, err := Assemble(ctx, Plan{Link: Link{NATS: nc, JetStream: js}, Settings: s.Kit, Needs: s.Needs, Log: p.Log})
	if err != nil {
		return err
	}
	defer k.Close()
	service, err := s.Make(k)
	if err != nil {
		return err
	}
	return p.Run(ctx, k.Member(p.Name, service))
}
