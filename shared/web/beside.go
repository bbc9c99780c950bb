package web

import (
	"context"
	"net"
	"net/http"
)

// Beside is a server that runs beside the other work of a service. A nil one
// serves nothing.
type Beside struct {
	address net.Addr
	cancel  context.CancelFunc
	// ended receives how the server ended, once.
	ended chan error
}

// ServeBeside serves h at an address as [Listen] and [Server.Run] do, until
// [Beside.Stop]. For an empty address it returns nil.
func ServeBeside(ctx context.Context, addr string, h http.Handler) (*Beside, error) {
	if addr == "" {
		return nil, nil
	}
	server, err := Listen(ctx, addr, h)
	if err != nil {
		return nil, err
	}
	b := &Beside{address: server.Addr(), ended: make(chan error, 1)}
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() { b.ended <- server.Run(ctx) }()
	return b, nil
}

// Addr is where the server listens.
func (b *Beside) Addr() net.Addr { return b.address }

// Failed receives when the server ends by itself.
func (b *Beside) Failed() <-chan error {
	if b == nil {
		return nil
	}
	return b.ended
}

// Stop ends the server, unless Failed has told that it ended, and waits for it.
func (b *Beside) Stop(ended bool) error {
	if b == nil {
		return nil
	}
	b.cancel()
	if ended {
		return nil
	}
	return <-b.ended
}
