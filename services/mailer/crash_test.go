package mailer_test

import (
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

func TestACrashLosesNothingAndRepeatsUnderTheSameMessageID(t *testing.T) {
	for _, c := range []struct {
		name, point string
		refuse      bool // the first attempt is refused for now
		letters     int
	}{
		{name: "noted", point: "mailer-noted", letters: 1},
		{name: "sent", point: "mailer-sent", letters: 2},
		{name: "kept", point: "mailer-kept", letters: 2},
		{name: "recorded", point: "mailer-recorded", letters: 1},
		{name: "settled", point: "mailer-settled", letters: 1},
		{name: "refused", point: "mailer-sent", refuse: true, letters: 1},
		{name: "refused and kept", point: "mailer-kept", refuse: true, letters: 1},
		{name: "refused and recorded", point: "mailer-recorded", refuse: true, letters: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var once sync.Once
			srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) (err error) {
				once.Do(func() {
					if c.refuse {
						err = smtptest.Reply(451, "later")
					}
				})
				return err
			}})
			r := start(t, srv, nil)
			r.putEmail(t, plain("e", "a@example.com"))
			cfg := config(t)
			cfg.Retry[1] = 0
			first := r.run(t, cfg, c.point)
			r.happen(t, "e")
			select {
			case <-first.dead:
			case <-time.After(2 * time.Minute):
				t.Fatal("no crash")
			}
			first.stop()
			r.run(t, cfg, "")
			got := r.outcomes(t, final(1))
			if last := got[len(got)-1]; last.Result != delivery.Delivered {
				t.Errorf("outcomes %+v", got)
			}
			r.acknowledged(t)
			letters := srv.Letters()
			if len(letters) < 1 || len(letters) > c.letters {
				t.Errorf("%d letters, want 1 to %d", len(letters), c.letters)
			}
			for _, l := range letters[1:] {
				if diff := cmp.Diff(letters[0], l); diff != "" {
					t.Errorf("the repeat differs:\n%s", diff)
				}
			}
			r.pending(t, 0)
		})
	}
}

// The retry is all that tells of the attempt: who finds the note of it sent the
// letter again before, and the retry sent it, too, where both were under way.
func TestARefusedLetterGoesOnceAndByItsRetryWhenTheMailerDiesBeforeTheRecord(t *testing.T) {
	var once sync.Once
	srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) (err error) {
		once.Do(func() { err = smtptest.Reply(451, "later") })
		return err
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	cfg := config(t)
	cfg.Retry[1] = 6 * time.Second // the delivery comes again long before that
	first := r.run(t, cfg, "mailer-kept")
	r.happen(t, "e")
	select {
	case <-first.dead:
	case <-time.After(2 * time.Minute):
		t.Fatal("no crash")
	}
	first.stop()
	r.run(t, cfg, "")
	got := r.outcomes(t, final(1))
	if last := got[len(got)-1]; last.Result != delivery.Delivered || last.Attempt != 2 {
		t.Errorf("outcomes %+v", got)
	}
	r.acknowledged(t)
	if n := len(srv.Letters()); n != 1 {
		t.Errorf("%d letters", n)
	}
	r.pending(t, 0)
}

// acknowledged waits until no delivery is open.
func (r *rig) acknowledged(t *testing.T) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		open := 0
		for p := range partitions {
			c, err := r.js.Consumer(ctx, topology.Deliveries, topology.SenderDurable(delivery.Email, p))
			must(t, err)
			open += c.CachedInfo().NumAckPending + int(c.CachedInfo().NumPending)
		}
		if open == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d deliveries are open", open)
		}
	}
}

func TestSendingGoesOnAfterABrokerRestart(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	r.run(t, config(t), "")
	for range 20 {
		r.happen(t, "e")
	}
	srv.Await(within(t), t, 1)
	r.srv.Restart(t)
	for range 5 {
		r.happen(t, "e")
	}
	r.outcomes(t, final(25))
	ids := map[string]int{}
	for _, l := range srv.Letters() {
		m, err := mail.ReadMessage(strings.NewReader(l.Data))
		must(t, err)
		ids[m.Header.Get("Message-Id")]++
	}
	if len(ids) != 25 {
		t.Errorf("%d different mails arrived, want 25", len(ids))
	}
}

func TestALetterOnItsWayArrivesOnceThoughTheServiceStops(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) error {
		close(arrived)
		<-answer
		return nil
	}})
	r := start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	c := config(t)
	c.StopTimeout = 30 * time.Second
	i := r.run(t, c, "")
	r.happen(t, "e")
	<-arrived
	i.cancel()
	close(answer)
	<-i.done
	if got := r.outcomes(t, final(1)); got[0].Result != delivery.Delivered {
		t.Errorf("outcomes %+v", got)
	}
	r.acknowledged(t)
}

func TestACrashRepeatsNoMoreLettersThanThereAreConnections(t *testing.T) {
	var r *rig
	srv := smtptest.Start(t, smtptest.Script{Data: func(smtptest.Letter) error {
		if r.down.Load() {
			return smtptest.Reply(421, "the sender is no more")
		}
		return nil
	}})
	r = start(t, srv, nil)
	r.putEmail(t, plain("e", "a@example.com"))
	const letters = 300
	for range letters {
		r.happen(t, "e")
	}
	c := config(t)
	c.Connections = 2
	crashes := 0
	for _, point := range []string{"mailer-sent", "mailer-kept", "mailer-recorded", "mailer-sent"} {
		r.spare.Store(40)
		i := r.run(t, c, point)
		select {
		case <-i.dead:
			crashes++
		case <-time.After(2 * time.Minute):
			t.Fatal("no crash")
		}
		i.stop()
	}
	r.run(t, c, "")
	r.outcomes(t, final(letters))
	r.acknowledged(t)
	ids := map[string]int{}
	for _, l := range srv.Letters() {
		h, _ := read(t, l)
		ids[h.Get("Message-Id")]++
	}
	repeats := len(srv.Letters()) - len(ids)
	if len(ids) != letters || repeats > crashes*c.Connections {
		t.Errorf("%d different letters of %d arrived, %d repeats after %d crashes", len(ids), letters, repeats, crashes)
	}
}
