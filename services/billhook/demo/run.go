package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
)

// ErrIncomplete is returned when something expected did not arrive in time, or
// something else did.
var ErrIncomplete = errors.New("not everything arrived as it should")

// Options says how the demo is run.
type Options struct {
	Out io.Writer
	// Exit ends the demo when everything has arrived or Patience is over;
	// otherwise it stays up until the context ends.
	Exit bool
	// Patience bounds how long arrivals are waited for.
	Patience time.Duration
	Scenario Scenario
	Log      zerolog.Logger
}

// show is one run of the demo.
type show struct {
	Options
	board *Board
	stage *stage
	began time.Time
	lines chan string
}

// Run plays a scenario and prints what arrives. The error is [ErrIncomplete]
// unless everything expected arrived, and nothing else did.
func Run(ctx context.Context, o Options) error {
	s := &show{Options: o, board: NewBoard(o.Scenario.Expected), began: time.Now(), lines: make(chan string, 256)}
	receivers, err := OpenReceivers(time.Now, s.webhook, s.mail)
	if err != nil {
		return err
	}
	if s.stage, err = openStage(ctx, receivers, o.Log); err != nil {
		return err
	}
	defer s.stage.close()
	fmt.Fprintf(o.Out, "Everything runs in this process: NATS, every service, an HTTPS receiver, a mail catcher (%s).\n\n", since(s.began))
	if err := s.seed(ctx, receivers); err != nil {
		return err
	}
	s.began = time.Now()
	if err := s.play(ctx); err != nil {
		return err
	}
	s.table()
	verdict := s.verdict()
	if verdict != nil {
		if err := s.reasons(ctx); err != nil {
			return errors.Join(verdict, err)
		}
	}
	fmt.Fprintf(o.Out, "\nHTTP: http://%s\n", s.stage.app.HTTPAddr())
	if o.Exit {
		return verdict
	}
	fmt.Fprintln(o.Out, "It stays up. Ctrl-C stops.")
	select {
	case <-ctx.Done():
		return verdict
	case err := <-s.stage.ended:
		return err
	}
}

// seed applies the scenario's configuration and teaches the receiver the
// secret that was made for the endpoint.
func (s *show) seed(ctx context.Context, r *Receivers) error {
	items, err := s.apply(ctx, s.Scenario.Seed)
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.Issued.Empty() {
			continue
		}
		for _, e := range s.Scenario.Expected {
			if e.Channel == delivery.Webhook {
				if err := r.Web.Expect(WebhookBase+"/"+e.Type, item.Issued.Reveal()); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintf(s.Out, "Configured owner %q: %d resources, as \"billhook apply\" would.\n\n", Owner, len(items))
	return nil
}

func (s *show) apply(ctx context.Context, documents string) ([]manifest.Item, error) {
	return manifest.Apply(ctx, s.stage.app.Store(), []byte(documents), manifest.Options{})
}

// play publishes the events and waits for what they must lead to. Before the
// last event the default SMTP settings change.
func (s *show) play(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	if err := s.publish(ctx, func(e Event) bool { return e.Type != AfterChange }); err != nil {
		return err
	}
	// The mail before the change must have gone through the old default.
	early, err := s.print(patient, func() bool { return s.board.HasType(delivery.Email, "account.status_change") })
	if err != nil || !early {
		return err
	}
	if err := s.changeDefault(ctx, patient); err != nil {
		return err
	}
	if err := s.publish(ctx, func(e Event) bool { return e.Type == AfterChange }); err != nil {
		return err
	}
	_, err = s.print(patient, func() bool { return len(s.board.Missing()) == 0 })
	return err
}

// changeDefault changes the default SMTP settings, and waits as long as patient
// lasts until the app knows. An end of patience is no failure: what it leaves
// missing is.
func (s *show) changeDefault(ctx, patient context.Context) error {
	items, err := s.apply(ctx, ChangeDefault)
	if err != nil {
		return err
	}
	changed, end := s.stage.app.Kit().Directory.Changes()
	defer end()
	for s.stage.app.Kit().Directory.Owner(Owner).SMTP.Default != "service" {
		select {
		case <-changed:
		case <-patient.Done():
			return nil
		}
	}
	if len(items) == 1 && items[0].Action == setup.Updated {
		fmt.Fprintln(s.Out, "          the default SMTP settings are now \"service\"")
	}
	return nil
}

// publish publishes the events that which picks.
func (s *show) publish(ctx context.Context, which func(Event) bool) error {
	for _, e := range s.Scenario.Events {
		if !which(e) {
			continue
		}
		body, err := e.Body()
		if err != nil {
			return fmt.Errorf("encode %s: %w", e.Type, err)
		}
		if _, err := s.stage.app.Kit().JetStream.Publish(ctx, subject.Platform(Owner, e.Type), body); err != nil {
			return fmt.Errorf("publish %s: %w", e.Type, err)
		}
	}
	return nil
}

// print writes arrivals as they come until done says so; it returns false when
// ctx ends before that. Its error is why the app ended.
func (s *show) print(ctx context.Context, done func() bool) (bool, error) {
	for {
		select {
		case line := <-s.lines:
			fmt.Fprintln(s.Out, line)
			continue
		default:
		}
		if done() {
			return true, nil
		}
		select {
		case line := <-s.lines:
			fmt.Fprintln(s.Out, line)
		case err := <-s.stage.ended:
			return false, err
		case <-ctx.Done():
			return false, nil
		}
	}
}

func (s *show) webhook(r receiver.Received) {
	a, err := s.board.Webhook(r)
	if err != nil {
		s.line("webhook", err.Error())
		return
	}
	s.line("webhook", fmt.Sprintf("%-30s signature verified, %d bytes", a.Type, len(r.Body)))
}

func (s *show) mail(c mailcatcher.Caught) {
	a, err := s.board.Email(c)
	if err != nil {
		s.line("email", err.Error())
		return
	}
	s.line("email", fmt.Sprintf("%-30s to %s through %s", a.Type, strings.Join(c.To, ", "), a.Via))
}

// line hands a line to the printer; when it is far behind, the line is dropped
// rather than a receiver held up. The board has it anyway.
func (s *show) line(what, text string) {
	select {
	case s.lines <- fmt.Sprintf("%8s  %-7s  %s", since(s.began), what, text):
	default:
	}
}

// table prints what was expected and what came.
func (s *show) table() {
	fmt.Fprintln(s.Out)
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "event\tchannel\tthrough\tarrived")
	for _, e := range s.Scenario.Expected {
		arrived := "MISSING"
		if s.board.Has(e) {
			arrived = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.Type, e.Channel, e.Via, arrived)
	}
	_ = t.Flush()
	for _, text := range s.board.Strange() {
		fmt.Fprintln(s.Out, "STRANGE: "+text)
	}
}

func (s *show) verdict() error {
	missing, strange := len(s.board.Missing()), len(s.board.Strange())
	if missing+strange > 0 {
		return fmt.Errorf("%w: %d missing, %d strange", ErrIncomplete, missing, strange)
	}
	fmt.Fprintf(s.Out, "\nAll %d arrived.\n", len(s.Scenario.Expected))
	return nil
}

func since(t time.Time) string { return time.Since(t).Round(time.Millisecond).String() }
