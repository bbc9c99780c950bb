// Package fleet lets every running service be seen on NATS, by the protocol of
// NATS micro services: "nats micro ls" lists them, and each tells its version,
// its instance, and whether it is ready. It refuses to steer them.
package fleet

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/subject"
)

// instanceKey is the metadata that holds the name by which an instance holds
// leases. The protocol has ids of its own.
const instanceKey = "instance"

// unavailable is the error code of an instance that is not ready, the status
// that /readyz has then.
const unavailable = 503

// Berth is where the services of a process are seen.
type Berth struct {
	NATS *nats.Conn
	// Instance names the process in leases.
	Instance string
	Log      zerolog.Logger
}

// Member returns a service as a member of a process. It is seen from its start
// until it has ended, and as not ready from when it is told to stop. Its name
// is that of its NATS user.
func (b Berth) Member(name string, s process.Service) process.Member {
	return process.Member{Name: name, Service: &seen{Service: s, name: name, berth: b}}
}

// seen is a service that is seen while it runs.
type seen struct {
	process.Service
	name  string
	berth Berth
}

// Run runs the service.
func (s *seen) Run(ctx context.Context) error {
	m, err := s.register(ctx)
	if err != nil {
		return fault.New(fault.Unavailable, "register service", s.name, err)
	}
	defer func() {
		// What was asked before is still answered.
		if err := m.Stop(); err != nil {
			s.berth.Log.Warn().Err(err).Msg("service not taken from the list")
		}
	}()
	return s.Service.Run(ctx)
}

func (s *seen) register(ctx context.Context) (micro.Service, error) {
	now := func() process.Readiness { return process.ReadinessOf(s.waiting(ctx)) }
	m, err := micro.AddService(s.berth.NATS, micro.Config{
		Name: subject.MicroService(s.name), Version: version(), Description: "Billhook's " + s.name,
		Metadata:     map[string]string{instanceKey: s.berth.Instance},
		StatsHandler: func(*micro.Endpoint) any { return now() },
	})
	if err != nil {
		return nil, err
	}
	// Every instance answers: one that does must not hide one that cannot.
	err = m.AddEndpoint("health", micro.HandlerFunc(func(r micro.Request) { s.answer(r, now()) }),
		micro.WithEndpointSubject(subject.Health(s.name)), micro.WithEndpointQueueGroupDisabled())
	if err != nil {
		_ = m.Stop() // the connection is gone, which is what is reported
		return nil, err
	}
	return m, nil
}

// answer says on NATS what /readyz says over HTTP.
func (s *seen) answer(r micro.Request, now process.Readiness) {
	body, err := json.Marshal(now)
	switch {
	case err != nil:
	case now.Ready:
		err = r.Respond(body)
	default:
		err = r.Error(strconv.Itoa(unavailable), "not ready", body)
	}
	if err != nil {
		s.berth.Log.Warn().Err(err).Msg("health not told")
	}
}

// waiting names the service while it is not ready, or told to stop by ctx.
func (s *seen) waiting(ctx context.Context) []string {
	select {
	case <-s.Ready():
		if ctx.Err() == nil {
			return []string{}
		}
	default:
	}
	return []string{s.name}
}

// version returns that of the running program, 0.0.0 where it was built from
// no known one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "0.0.0"
}
