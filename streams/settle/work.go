package settle

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

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
	// HeaderReason is why a delivery was given up; PARKED only.
	HeaderReason = "Billhook-Reason"
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
	// Header is what a channel adds, under names of its own.
	Header nats.Header
	// Frozen is what a channel keeps between attempts: the bytes that it
	// sends, or what gives them. Empty before there is anything.
	Frozen []byte
}

// encode returns the headers and the data of a message.
func (w *Work) encode() (nats.Header, []byte, error) {
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
		w := unread(at)
		if err := json.Unmarshal(data, &w.Delivery); err != nil {
			return unread(at), fault.New(fault.Invalid, op, subj, err)
		}
		return w, nil
	}
	at, err := subject.ParseRetryDue(subj)
	if err != nil {
		return Work{}, fault.New(fault.Invalid, op, subj, err)
	}
	w := Work{Part: at.Part, Header: own(h), Frozen: data}
	if err := json.Unmarshal([]byte(h.Get(HeaderDelivery)), &w.Delivery); err != nil {
		return unread(at), fault.New(fault.Invalid, op, subj, err)
	}
	if w.Attempts, err = strconv.Atoi(h.Get(HeaderAttempts)); err != nil {
		return Work{}, fault.New(fault.Invalid, op, subj, err)
	}
	if first := h.Get(HeaderFirst); first != "" {
		if w.First, err = time.Parse(time.RFC3339Nano, first); err != nil {
			return Work{}, fault.New(fault.Invalid, op, subj, err)
		}
	}
	return w, nil
}
