package process

import "context"

// Service is a part of a process that runs until it is told to stop.
type Service interface {
	// Run works until ctx is cancelled and everything it started has ended.
	// Being cancelled is no failure: it then returns nil or ctx's error.
	Run(ctx context.Context) error
	// Ready is closed once the service does its work. It is never closed
	// when Run fails before.
	Ready() <-chan struct{}
}

// Member is a service with the name it has in logs and on /readyz.
type Member struct {
	Name    string
	Service Service
}

// Await waits until all parts are ready and returns true, or false when ctx
// ends before.
func Await(ctx context.Context, parts ...<-chan struct{}) bool {
	for _, ready := range parts {
		select {
		case <-ready:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
