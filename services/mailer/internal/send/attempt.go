package send

import (
	"context"
	"errors"
	"sync"
	"time"

	settings "github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/delivery"
)

// attempt makes one attempt. Its connection, and its place in the lane, are free
// for others once it is on record.
func (s *Sender) attempt(ctx context.Context, j *job, free func()) {
	r, refusal := route.Find(s.Directory.Owner(j.Delivery.Owner), &j.Delivery, j.frozen())
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) }) // may wait: beside
		return
	}
	srv, err := s.server(j.Delivery.Owner, r.Settings)
	if err != nil {
		s.log(j).Error().Err(err).Str("smtp", r.Settings.ID).Msg("SMTP settings cannot be used")
		free()
		s.conclude(ctx, j, s.outcome(j), &smtp.Failure{Class: smtp.Settings, Stage: "settings", Err: errUnreadable})
		return
	}
	if until, ok := s.Post.Held(srv); ok {
		free()
		s.putOff(ctx, j, until.Add(s.jitter(s.Policy.Pace/4)))
		return
	}
	fresh := j.bag == nil
	if err := s.prepare(ctx, j, r); err != nil {
		free()
		s.unprepared(ctx, j, err)
		return
	}
	o := s.outcome(j)
	o.Target = r.Settings.ID
	if err := s.note(ctx, j, o, fresh); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.fault(FaultNoted)
	leave, err := s.Post.Reserve(ctx, srv)
	if err != nil {
		s.release(ctx, j)
		return
	}
	j.leave = sync.OnceFunc(func() {
		leave()
		free()
	})
	defer j.leave()
	failure := s.pass(ctx, j, srv, o)
	s.fault(FaultSent)
	s.conclude(ctx, j, o, failure)
}

// server opens the settings' password.
func (s *Sender) server(owner string, set *settings.Settings) (smtp.Server, error) {
	srv := smtp.Server{
		Key:  key(owner, set),
		Host: set.Host, Port: set.Port, Username: set.Username, TLS: string(set.TLS),
	}
	if set.Password == "" {
		return srv, nil
	}
	var err error
	srv.Password, err = s.Sealer.Open(settings.Place(owner, set.ID), set.Password)
	return srv, err
}

// unprepared ends a delivery that cannot be sent, or has it tried again.
func (s *Sender) unprepared(ctx context.Context, j *job, err error) {
	var e *ending
	if errors.As(err, &e) {
		s.end(ctx, j, e)
		return
	}
	s.log(j).Warn().Err(err).Msg("delivery put off")
	s.putOff(ctx, j, s.Now().Add(soon))
}

// soon is after what time it is tried again where something of ours was away.
const soon = 5 * time.Second

// note records that the attempt begins. For letters that are not frozen it
// holds the moment they were rendered at.
func (s *Sender) note(ctx context.Context, j *job, o *delivery.Outcome, fresh bool) error {
	n := *o
	n.Result = delivery.Sending
	if fresh {
		n.At = j.bag.At
	}
	return s.Desk.Record(ctx, &n)
}

// pass sends every letter to those who wait for it and adds their records to
// o. It returns the failure that weighs most. After one that says nothing good
// about the next letter, the rest stays as it is.
func (s *Sender) pass(ctx context.Context, j *job, srv smtp.Server, o *delivery.Outcome) *smtp.Failure {
	var worst *smtp.Failure
	for i := range j.bag.Letters {
		l := &j.bag.Letters[i]
		if len(l.Waiting) == 0 {
			continue
		}
		replies, err := s.Post.Send(ctx, srv, l.Envelope())
		var f *smtp.Failure
		if err != nil && !errors.As(err, &f) {
			f = &smtp.Failure{Class: smtp.Transient, Stage: "dial", Err: err}
		}
		for _, r := range l.Apply(replies, f) {
			r.Detail = brief(srv.Redact(r.Detail))
			o.Recipients = append(o.Recipients, r)
		}
		if f == nil {
			continue
		}
		f.Err = errors.New(srv.Redact(f.Err.Error()))
		if worst == nil || f.Class == smtp.Settings || worst.Class == smtp.Permanent {
			worst = f
		}
		if f.Class != smtp.Permanent {
			break
		}
	}
	return worst
}
