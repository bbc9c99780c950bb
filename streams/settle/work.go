package settle

import (
	"cmp"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// Headers of retries and of what is parked.
const (
	// HeaderDelivery is the reference of the delivery, as JSON.
	HeaderDelivery = "Billhook-Delivery"
	// HeaderAttempts is the number of attempts made.
	HeaderAttempts = "Billhook-Attempts"
	// HeaderFirst is when the first attempt was made, in RFC 3339.
	HeaderFirst = "Billhook-First"
	// HeaderResent and HeaderResentAfter are those of [Resent].
	HeaderResent      = "Billhook-Resent"
	HeaderResentAfter = "Billhook-Resent-After"
	// HeaderReason is why a delivery was given up, and HeaderTarget where it
	// was to go, as far as that is known; PARKED only.
	HeaderReason = "Billhook-Reason"
	HeaderTarget = "Billhook-Target"
)

// Work is a delivery with what was done for it so far: what a message of
// DELIVERIES, of a due retry or of PARKED asks for. In the latter two, Frozen
// is the data of the message and everything else is in its headers.
type Work struct {
	Delivery delivery.Reference
	// Part is the delivery's partition.
	Part int
	// Attempts counts the attempts made so far.
	Attempts int
	// First is when the first attempt was made; zero before it.
	First time.Time
	// Resent is set where somebody asked for the delivery again.
	Resent Resent
	// Header is what a channel adds, under names of its own.
	Header nats.Header
	// Frozen is what a channel keeps between attempts: the bytes that it
	// sends, or what gives them. Empty before there is anything.
	Frozen []byte
}

// Resent says that a delivery was asked for again, whatever had become of it.
type Resent struct {
	// At is when that was asked, by the server's clock. Zero: nobody did.
	At time.Time
	// After is how many attempts were behind the delivery then. The schedule of
	// attempts begins anew there.
	After int
}

// Anew reports whether the work is asked for again and no attempt was made
// since.
func (w *Work) Anew() bool { return !w.Resent.At.IsZero() && w.Attempts == w.Resent.After }

// Since returns from when on an outcome of the next attempt may be stored, where
// the message that asks for the work was stored at a moment.
func (w *Work) Since(stored time.Time) time.Time {
	if w.Anew() && w.Resent.At.Before(stored) {
		return w.Resent.At
	}
	return stored
}

// Logger returns a log whose lines name the delivery.
func (w *Work) Logger(log zerolog.Logger) *zerolog.Logger {
	ref := &w.Delivery
	log = log.With().Str("owner", ref.Owner).Str("event", ref.EventID).
		Str("delivery", ref.ID).Str("subscription", ref.Subscription).Logger()
	return &log
}

// Encode returns the headers and the data of a message that keeps the work.
func (w *Work) Encode() (nats.Header, []byte, error) {
	ref, err := json.Marshal(&w.Delivery)
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "encode work", w.Delivery.ID, err)
	}
	h := maps.Clone(w.Header)
	if h == nil {
		h = nats.Header{}
	}
	h[HeaderDelivery] = []string{string(ref)}
	h[HeaderAttempts] = []string{strconv.Itoa(w.Attempts)}
	if !w.First.IsZero() {
		h[HeaderFirst] = []string{w.First.Format(time.RFC3339Nano)}
	}
	if !w.Resent.At.IsZero() {
		h[HeaderResent] = []string{w.Resent.At.Format(time.RFC3339Nano)}
		h[HeaderResentAfter] = []string{strconv.Itoa(w.Resent.After)}
	}
	return h, w.Frozen, nil
}

// own drops what the server adds when it fires a retry: it refuses to store
// that again with the next one.
func own(h nats.Header) nats.Header {
	out := make(nats.Header, len(h))
	for name, values := range h {
		if !strings.HasPrefix(name, "Nats-") {
			out[name] = values
		}
	}
	return out
}

// unread is what the subject says of work.
func unread(at subject.Addressed) Work {
	return Work{Part: at.Part, Delivery: delivery.Reference{Owner: at.Owner, Subscription: at.Subscription}}
}

// Read reads a message of DELIVERIES or a due retry. It keeps data. The error
// is of kind Invalid; Work then has the owner and the subscription where the
// subject names them.
func Read(subj string, h nats.Header, data []byte) (Work, error) {
	const op = "read work"
	if at, err := subject.ParseDelivery(subj); err == nil {
		ref, err := delivery.ReadReference(data)
		if err != nil {
			return unread(at), fault.New(fault.Invalid, op, subj, err)
		}
		w := unread(at)
		ref.Owner = cmp.Or(ref.Owner, w.Delivery.Owner)
		ref.Subscription = cmp.Or(ref.Subscription, w.Delivery.Subscription)
		w.Delivery = ref
		return w, nil
	}
	at, err := subject.ParseRetryDue(subj)
	if err != nil {
		return Work{}, fault.New(fault.Invalid, op, subj, err)
	}
	w, err := Decode(h, data)
	if w.Part = at.Part; err != nil {
		w.Delivery.Owner, w.Delivery.Subscription = at.Owner, at.Subscription
	}
	return w, err
}

// Decode reads what [Work.Encode] gave. It keeps data. The error is of kind
// Invalid.
func Decode(h nats.Header, data []byte) (Work, error) {
	const op = "decode work"
	w := Work{Header: own(h), Frozen: data}
	if err := json.Unmarshal([]byte(h.Get(HeaderDelivery)), &w.Delivery); err != nil {
		return Work{}, fault.New(fault.Invalid, op, "", err)
	}
	var err error
	if w.Attempts, err = strconv.Atoi(h.Get(HeaderAttempts)); err != nil {
		return Work{}, fault.New(fault.Invalid, op, w.Delivery.ID, err)
	}
	if w.First, err = moment(h, HeaderFirst); err != nil {
		return Work{}, fault.New(fault.Invalid, op, w.Delivery.ID, err)
	}
	if w.Resent, err = resent(h); err != nil {
		return Work{}, fault.New(fault.Invalid, op, w.Delivery.ID, err)
	}
	return w, nil
}

func resent(h nats.Header) (r Resent, err error) {
	if r.At, err = moment(h, HeaderResent); err != nil || r.At.IsZero() {
		return Resent{}, err
	}
	r.After, err = strconv.Atoi(h.Get(HeaderResentAfter))
	return r, err
}

// moment reads a header; zero where it is not there.
func moment(h nats.Header, name string) (time.Time, error) {
	text := h.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}
