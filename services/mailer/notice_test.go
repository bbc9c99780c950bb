package mailer_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// told waits for the first operational events in INBOX, by their types.
func (r *rig) told(t *testing.T, n int) map[string]event.Values {
	t.Helper()
	ctx := within(t)
	c, err := r.js.CreateConsumer(ctx, topology.Inbox, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy})
	must(t, err)
	out := map[string]event.Values{}
	for range n {
		m, err := c.Next(jetstream.FetchContext(ctx))
		must(t, err)
		at, err := subject.ParseInbox(m.Subject())
		must(t, err)
		var body struct{ Data event.Values }
		must(t, json.Unmarshal(m.Data(), &body))
		if at.Owner != acme || !at.Internal {
			t.Errorf("told at %s", m.Subject())
		}
		out[at.Type] = body.Data
	}
	return out
}

func TestAnOwnerIsToldOfSettingsThatDoNotWorkAndOfParkedMails(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Auth: func(string, string) error { return smtptest.Reply(535, "no") }})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.SettingsRetry, c.SettingsPatience = time.Hour, time.Nanosecond // the first fault parks
	r.run(t, c, "")
	r.happen(t, "e")
	r.outcomes(t, final(1))
	told := r.told(t, 2)
	if d := told["smtp_settings.paused"]; d.Text("Operation.Id") != "main" || d.Text("Operation.Reason") != "smtp_auth" || d.Text("Operation.Name") == "" {
		t.Errorf("told of the settings: %v", d)
	}
	if d := told["delivery.parked"]; d.Text("Operation.Reason") != "smtp_auth" || d.Text("Operation.Id") == "" {
		t.Errorf("told of the mail: %v", d)
	}
}

func TestNothingIsToldOfNoticesThatCannotBeMailed(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Auth: func(string, string) error { return smtptest.Reply(535, "no") }})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.SettingsPatience = time.Nanosecond
	mailer := r.run(t, c, "")
	part, ref := r.accept(t, "e")
	ref.EventType = "smtp_settings.paused"
	r.deliver(t, part, ref)
	all := r.outcomes(t, final(1))
	if all[0].Result != delivery.Parked {
		t.Errorf("outcome %+v", all[0])
	}
	mailer.stop() // it tells what there is to tell
	s, err := r.js.Stream(t.Context(), topology.Inbox)
	must(t, err)
	if n := s.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d operational events about the mail of one", n)
	}
}
