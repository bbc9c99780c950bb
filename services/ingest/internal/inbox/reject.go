package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// rejectTimeout bounds the storing of one batch of refusals.
const rejectTimeout = 10 * time.Second

// maxHeader bounds what is kept of one header, in bytes.
const maxHeader = 1 << 10

// rejection is a message with its refusal.
type rejection struct {
	message cursor.Message
	refusal admission.Refusal
}

// Record is what REJECTED holds of a refused message: enough for its publisher
// to see what was wrong, and to publish it again.
type Record struct {
	Reason   string         `json:"reason"`
	Problems fault.Problems `json:"problems"`
	// Subject is where the message lay in INBOX, since when, and as which
	// sequence.
	Subject  string    `json:"subject"`
	Received time.Time `json:"received"`
	Sequence uint64    `json:"sequence"`
	// Headers are those that belong to the event.
	Headers map[string]string `json:"headers,omitempty"`
	// Payload is the body where it is text, else Base64 is. Of a body above
	// the greatest size of an event only as much is kept; Bytes is all of it.
	Payload string `json:"payload,omitempty"`
	Base64  []byte `json:"payload_base64,omitempty"`
	Bytes   int    `json:"payload_bytes"`
}

// reject stores refusals and returns once all of them are confirmed. Ids are
// made of the sequence in INBOX, so a repetition is dropped within the
// duplicate window; a later one is stored again, which does no harm.
func (h *Handler) reject(ctx context.Context, refused []rejection) error {
	if len(refused) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rejectTimeout)
	defer cancel()
	futures := make([]jetstream.PubAckFuture, len(refused))
	for i, r := range refused {
		msg, err := r.encode()
		if err != nil {
			return err
		}
		if futures[i], err = h.deps.JS.PublishMsgAsync(msg); err != nil {
			return fmt.Errorf("reject inbox message %d: %w", r.message.Seq, err)
		}
	}
	for i, f := range futures {
		select {
		case <-f.Ok():
			h.log(refused[i])
			h.tell(refused[i])
		case err := <-f.Err():
			return fmt.Errorf("reject inbox message %d: %w", refused[i].message.Seq, err)
		case <-ctx.Done():
			return fmt.Errorf("reject inbox message %d: %w", refused[i].message.Seq, ctx.Err())
		}
	}
	return nil
}

// tell tells the owner, if there is one. What a platform calls an operational
// event is none.
func (h *Handler) tell(r rejection) {
	from, err := subject.ParseInbox(r.message.Subject)
	if err != nil || r.refusal.Reason == admission.UnknownOwner {
		return
	}
	n := notice.Notice{Kind: notice.EventRejected, Owner: from.Owner, Reason: r.refusal.Reason}
	if from.Internal {
		n.Cause = from.Type
	}
	h.deps.Notices.Raise(n)
}

func (h *Handler) log(r rejection) {
	h.deps.Logger.Warn().Str("subject", r.message.Subject).Uint64("sequence", r.message.Seq).
		Str("reason", r.refusal.Reason).Str("rule", r.refusal.Problems[0].Rule).Str("pointer", r.refusal.Problems[0].Pointer).
		Msg("event refused")
}

func (r rejection) encode() (*nats.Msg, error) {
	from, err := subject.ParseInbox(r.message.Subject)
	if err != nil {
		return nil, fmt.Errorf("reject inbox message %d: %w", r.message.Seq, err)
	}
	rec := Record{
		Reason: r.refusal.Reason, Problems: r.refusal.Problems,
		Subject: r.message.Subject, Received: r.message.Time, Sequence: r.message.Seq,
		Headers: kept(r.message.Header), Bytes: len(r.message.Data),
	}
	if body := r.message.Data[:min(len(r.message.Data), event.MaxBytes)]; printable(body) {
		rec.Payload = string(body)
	} else {
		rec.Base64 = body
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // escapes would make a text of markup six times as long
	if err := e.Encode(rec); err != nil {
		return nil, fmt.Errorf("reject inbox message %d: %w", r.message.Seq, err)
	}
	msg := nats.NewMsg(subject.Rejected(from.Owner, r.refusal.Reason))
	msg.Data = []byte(b.String())
	msg.Header.Set(jetstream.MsgIDHeader, topology.Inbox+"/"+strconv.FormatUint(r.message.Seq, 10))
	msg.Header.Set(topology.HeaderSource, strconv.FormatUint(r.message.Seq, 10))
	return msg, nil
}

// kept returns the headers that an event may have.
func kept(h nats.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		lower := strings.ToLower(name)
		if lower == "content-type" || strings.HasPrefix(lower, "ce-") {
			v := strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
			out[name] = v[:min(len(v), maxHeader)]
		}
	}
	return out
}

// printable reports whether b can be kept as text without growing beyond twice
// its size.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return utf8.Valid(b)
}
