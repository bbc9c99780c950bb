package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	client "github.com/wneessen/go-mail/smtp"
)

// session is one connection in the state after EHLO, TLS and AUTH.
type session struct {
	conn   *bounded
	client *client.Client
	made   time.Time
	used   time.Time
	// size is the settings' own limit of a letter in bytes, 0 for none.
	size int
	// broken marks a session that answered a reset with an error.
	broken bool
}

// open dials, secures and logs in, within ctx.
func open(ctx context.Context, cfg Config, srv Server) (*session, error) {
	dialled, err := cfg.Dial(ctx, "tcp", net.JoinHostPort(srv.Host, strconv.Itoa(srv.Port)))
	if err != nil {
		return nil, fail("dial", Transient, err)
	}
	cfg.told("tcp", dialled.RemoteAddr().String())
	conn := &bounded{Conn: dialled, left: readToOpen}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s, err := greet(ctx, cfg, srv, conn)
	if !stop() && err == nil {
		err = fail("dial", Transient, ctx.Err())
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, nil
}

func greet(ctx context.Context, cfg Config, srv Server, raw *bounded) (*session, error) {
	var conn net.Conn = raw
	tlsConfig := &tls.Config{ServerName: srv.Host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}
	if srv.TLS == TLSImplicit {
		secured := tls.Client(conn, tlsConfig)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, &Failure{Class: tlsClass(err), Stage: "tls", Err: err}
		}
		conn = secured
		cfg.told("tls", secrecy(secured.ConnectionState()))
	}
	c, err := client.NewClient(conn, srv.Host)
	if err != nil {
		return nil, fail("hello", Transient, err)
	}
	if err := c.Hello(cfg.HelloName); err != nil {
		return nil, fail("hello", Settings, err)
	}
	cfg.told("hello", offers(c))
	if err := secure(c, srv, tlsConfig); err != nil {
		return nil, err
	}
	if srv.TLS != TLSImplicit {
		state, _ := c.TLSConnectionState()
		cfg.told("tls", secrecy(state))
	}
	if err := login(c, srv); err != nil {
		return nil, err
	}
	if srv.Username != "" {
		cfg.told("auth", "as "+srv.Username)
	}
	now := cfg.Now()
	return &session{conn: raw, client: c, size: srv.Size, made: now, used: now}, nil
}

// secure takes up STARTTLS as the settings say.
func secure(c *client.Client, srv Server, config *tls.Config) error {
	if srv.TLS == TLSImplicit || srv.TLS == TLSNone {
		return nil
	}
	if ok, _ := c.Extension("STARTTLS"); !ok {
		if srv.TLS == TLSOpportunistic {
			return nil
		}
		return &Failure{Class: Settings, Stage: "tls", Err: errNoTLS}
	}
	if err := c.StartTLS(config); err != nil {
		f := fail("tls", Settings, err)
		if f.Code == 0 {
			f.Class = tlsClass(err)
		}
		return f
	}
	return nil
}

// tlsClass tells a refused certificate or protocol, which stays refused, from
// a connection that broke.
func tlsClass(err error) Class {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() || errors.Is(err, net.ErrClosed) {
		return Transient
	}
	return Settings
}

// farewell bounds how long a server may take to answer QUIT.
const farewell = 2 * time.Second

func (s *session) close() {
	cut := time.AfterFunc(farewell, func() { _ = s.conn.Close() })
	defer cut.Stop()
	s.conn.allow(readToSend)
	_ = s.client.Quit()
	_ = s.conn.Close()
}

// closeAll closes sessions side by side: one slow server does not make the
// others wait.
func closeAll(sessions []*session) {
	var work sync.WaitGroup
	for _, s := range sessions {
		work.Go(s.close)
	}
	work.Wait()
}
