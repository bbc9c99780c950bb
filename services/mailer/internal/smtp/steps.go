package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/wneessen/go-mail/smtp"

	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// Step is one thing done on the way to a server.
type Step struct {
	// Name is dns, tcp, tls, hello, auth or message.
	Name string
	Took time.Duration
	// Detail is for people: what was found, or what went wrong.
	Detail string
	// Failure is nil when the step worked.
	Failure *Failure
}

// Steps opens a connection of its own to a server, as for any letter, and tells
// each step. With an envelope it also sends that. The first step that fails is
// the last one.
func Steps(ctx context.Context, cfg Config, srv Server, e *letter.Envelope) []Step {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	w := &walk{now: cfg.Now, last: cfg.Now()}
	cfg.step = w.note
	s, err := open(httptrace.WithClientTrace(ctx, w.trace()), cfg, srv)
	if err != nil {
		return w.fail(srv, err)
	}
	defer s.close()
	if e == nil {
		return w.done()
	}
	replies, err := s.send(ctx, *e)
	if err = refusal(replies, err); err != nil {
		return w.fail(srv, err)
	}
	w.note("message", fmt.Sprintf("taken, %d bytes", len(e.Message)))
	return w.done()
}

// walk notes steps: each took the time since the one before. A dialling that
// was given up may still note something behind the end, so it is guarded.
type walk struct {
	now func() time.Time

	mu    sync.Mutex
	last  time.Time
	steps []Step
}

func (w *walk) note(name, detail string) { w.add(Step{Name: name, Detail: detail}) }

func (w *walk) add(s Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	s.Took, w.last = now.Sub(w.last), now
	w.steps = append(w.steps, s)
}

func (w *walk) done() []Step {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.steps)
}

// fail notes the step that ended it all.
func (w *walk) fail(srv Server, err error) []Step {
	var f *Failure
	if !errors.As(err, &f) {
		f = fail("message", Transient, err)
	}
	name := f.Stage
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown):
		name = "dns"
	case name == "dial":
		name = "tcp"
	case name == "mail" || name == "rcpt" || name == "data":
		name = "message"
	}
	w.add(Step{Name: name, Failure: f, Detail: srv.Redact(f.Err.Error())})
	return w.done()
}

// trace notes what addresses the server has.
func (w *walk) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{DNSDone: func(i httptrace.DNSDoneInfo) {
		if i.Err != nil {
			return // the dialling fails with it
		}
		var all []string
		for _, a := range i.Addrs {
			all = append(all, a.String())
		}
		w.note("dns", strings.Join(all, ", "))
	}}
}

// refusal is the first thing that went wrong with a letter.
func refusal(replies []Reply, err error) error {
	if err != nil {
		return err
	}
	for _, r := range replies {
		if !r.Taken() {
			return &Failure{Class: Permanent, Stage: "rcpt", Code: r.Code, Err: errors.New(r.Text)}
		}
	}
	return nil
}

// secrecy tells how a connection is encrypted, and until when its certificate
// is good.
func secrecy(state tls.ConnectionState) string {
	if !state.HandshakeComplete {
		return "not encrypted"
	}
	detail := tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		detail += ", certificate until " + state.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly)
	}
	return detail
}

// offers lists the extensions of a server that matter here.
func offers(c *client.Client) string {
	var all []string
	for _, name := range []string{"STARTTLS", "AUTH", "SIZE", "SMTPUTF8"} {
		if ok, parameter := c.Extension(name); ok {
			all = append(all, strings.TrimSpace(name+" "+parameter))
		}
	}
	return "offers " + strings.Join(all, ", ")
}
