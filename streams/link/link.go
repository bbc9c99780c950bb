package link

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/permission"
)

const (
	// reconnectWait and reconnectJitter keep a broker that comes back from
	// being stormed, and a service from being late.
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 250 * time.Millisecond
	// pingInterval and maxPings notice a dead peer within a minute.
	pingInterval = 20 * time.Second
	maxPings     = 2
	// requestTimeout bounds requests whose context has no deadline.
	requestTimeout = 5 * time.Second
	// reconnectBuffer is off: what is published while the link is down fails
	// at once and is published again by whoever knows whether it still may.
	reconnectBuffer = -1
)

// Connect connects and stays connected for ever. The first connection is
// tried until ctx ends. The caller closes the connection.
func Connect(ctx context.Context, s Settings, log zerolog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	if problems := s.Check(); len(problems) > 0 {
		return nil, nil, problems
	}
	nc, err := dial(ctx, s.URL, append(options(log), s.options()...))
	if err != nil {
		return nil, nil, err
	}
	js, err := New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// Attach connects within the process, as the all-in-one does: server is the
// option made by nats.InProcessServer.
func Attach(server nats.Option, name string, log zerolog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	nc, err := nats.Connect("", append(options(log), server, nats.Name(name))...)
	if err != nil {
		return nil, nil, fault.New(fault.Unavailable, "connect to nats", "in process", err)
	}
	js, err := New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, js, nil
}

// New opens JetStream on a connection, with the time-outs that streams rely on.
func New(nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout))
	if err != nil {
		return nil, fault.New(fault.Internal, "open jetstream", "", err)
	}
	return js, nil
}

// dial tries until it succeeds, ctx ends, or the server refuses the
// credentials, which no retry mends.
func dial(ctx context.Context, url string, opts []nats.Option) (*nats.Conn, error) {
	for {
		nc, err := nats.Connect(url, opts...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) {
			return nil, fault.New(fault.Denied, "log in to nats", place(url), err)
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "connect to nats", place(url), errors.Join(err, ctx.Err()))
		case <-time.After(reconnectWait):
		}
	}
}

// place names the servers without the credentials that an address may hold.
func place(addresses string) string {
	parts := strings.Split(addresses, ",")
	for i, p := range parts {
		if _, host, ok := strings.Cut(p, "@"); ok {
			parts[i] = host
		}
	}
	return strings.Join(parts, ",")
}

func options(log zerolog.Logger) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(reconnectBuffer), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPings),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { report(log, sub, err) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn().Err(err).Msg("nats connection lost; reconnecting")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info().Str("server", nc.ConnectedServerName()).Msg("nats connection restored")
		}),
	}
}

// report logs what the server or the client found wrong outside any request.
func report(log zerolog.Logger, sub *nats.Subscription, err error) {
	e := log.Warn()
	if errors.Is(err, nats.ErrPermissionViolation) {
		e = log.Error()
	}
	if sub != nil {
		e = e.Str("subject", sub.Subject)
	}
	e.Err(err).Msg("nats reported an error")
}

func (s Settings) options() []nats.Option {
	opts := []nats.Option{nats.Name(s.Name)}
	switch {
	case s.CredsFile != "":
		opts = append(opts, nats.UserCredentials(s.CredsFile))
	case !s.Token.Empty():
		opts = append(opts, nats.Token(s.Token.Reveal()))
	case s.User != "":
		// A user hears its own answers only.
		opts = append(opts, nats.UserInfo(s.User, s.Password.Reveal()), nats.CustomInboxPrefix(permission.InboxPrefix(s.User)))
	}
	if s.CAFile != "" {
		opts = append(opts, nats.RootCAs(s.CAFile))
	}
	if s.CertFile != "" {
		opts = append(opts, nats.ClientCert(s.CertFile, s.KeyFile))
	}
	return opts
}
