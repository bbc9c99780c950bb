// Package frozen is the form in which a webhook waits for its next attempt, or
// is kept once it is given up: the bytes of its body as they were first
// rendered are the data of the message, everything else is in its headers. It
// is pure.
package frozen

import (
	"encoding/json"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

// The headers of a frozen webhook.
const (
	// HeaderDelivery is the reference of the delivery, as JSON.
	HeaderDelivery = "Billhook-Delivery"
	// HeaderAttempts is the number of attempts made.
	HeaderAttempts = "Billhook-Attempts"
	// HeaderEndpoint is the id of the endpoint.
	HeaderEndpoint = "Billhook-Endpoint"
	// HeaderPath is the rendered path behind the endpoint's URL.
	HeaderPath = "Billhook-Path"
	// HeaderReason is why it was given up; parked webhooks only.
	HeaderReason = "Billhook-Reason"
)

// Webhook is a delivery between attempts.
type Webhook struct {
	Reference delivery.Reference
	// Attempts is the number of attempts made. Before the first one nothing
	// is frozen, and a delivery that was only put off has neither Endpoint
	// nor Path nor Body.
	Attempts int
	Endpoint string
	Path     string
	Body     []byte
}

// Frozen reports whether the body is there.
func (w *Webhook) Frozen() bool { return len(w.Body) > 0 }

// Encode returns the headers and data of a message.
func (w *Webhook) Encode() (nats.Header, []byte, error) {
	ref, err := json.Marshal(&w.Reference)
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "freeze webhook", w.Reference.ID, err)
	}
	h := nats.Header{
		HeaderDelivery: {string(ref)},
		HeaderAttempts: {strconv.Itoa(w.Attempts)},
	}
	for name, value := range map[string]string{HeaderEndpoint: w.Endpoint, HeaderPath: w.Path} {
		if value != "" {
			h[name] = []string{value}
		}
	}
	return h, w.Body, nil
}

// Decode reads the headers and data of a message. It keeps data.
func Decode(h nats.Header, data []byte) (*Webhook, error) {
	const op = "read frozen webhook"
	w := &Webhook{Endpoint: h.Get(HeaderEndpoint), Path: h.Get(HeaderPath), Body: data}
	if err := json.Unmarshal([]byte(h.Get(HeaderDelivery)), &w.Reference); err != nil {
		return nil, fault.New(fault.Internal, op, "", err)
	}
	n, err := strconv.Atoi(h.Get(HeaderAttempts))
	if err != nil || n < 0 {
		return nil, fault.New(fault.Internal, op, w.Reference.ID, err)
	}
	w.Attempts = n
	return w, nil
}
