package delivery

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/billhook/billhook/shared/canonical"
	"github.com/billhook/billhook/shared/event"
)

// AppendJSON appends the outcome to b as one line of JSON, as its tags have it,
// without reflection: two are written for each email. Only what JSON demands is
// escaped.
func (o *Outcome) AppendJSON(b []byte) []byte {
	b = event.AppendString(append(b, `{"attempt_id":`...), o.AttemptID)
	b = appendInt(append(b, `,"attempt":`...), o.Attempt)
	b = o.Delivery.appendJSON(append(b, `,"delivery":`...))
	b = event.AppendString(append(b, `,"channel":`...), string(o.Channel))
	b = event.AppendString(append(b, `,"result":`...), string(o.Result))
	if o.Resent {
		b = append(b, `,"resent":true`...)
	}
	b = appendText(b, `,"target":`, o.Target)
	b = appendTime(append(b, `,"at":`...), o.At)
	b = appendInt(append(b, `,"duration_ns":`...), int(o.Duration))
	if o.Status != 0 {
		b = appendInt(append(b, `,"status":`...), o.Status)
	}
	b = appendText(b, `,"reason":`, o.Reason)
	b = appendText(b, `,"detail":`, o.Detail)
	b = appendText(b, `,"response":`, o.Response)
	if !o.NextAt.IsZero() {
		b = appendTime(append(b, `,"next_at":`...), o.NextAt)
	}
	if o.Letter != nil {
		b = o.Letter.appendJSON(append(b, `,"letter":`...))
	}
	for i := range o.Recipients {
		lead := `,`
		if i == 0 {
			lead = `,"recipients":[`
		}
		b = o.Recipients[i].appendJSON(append(b, lead...))
	}
	if len(o.Recipients) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func (r *Reference) appendJSON(b []byte) []byte {
	b = event.AppendString(append(b, `{"id":`...), r.ID)
	b = event.AppendString(append(b, `,"owner":`...), r.Owner)
	b = event.AppendString(append(b, `,"subscription":`...), r.Subscription)
	b = appendInt(append(b, `,"revision":`...), r.Revision)
	b = strconv.AppendUint(append(b, `,"event_seq":`...), r.EventSeq, 10)
	b = event.AppendString(append(b, `,"event_id":`...), r.EventID)
	b = event.AppendString(append(b, `,"event_type":`...), r.EventType)
	return append(appendText(b, `,"account":`, r.Account), '}')
}

func (l *Letter) appendJSON(b []byte) []byte {
	b = appendInt(append(b, `{"number":`...), l.Number)
	b = appendInt(append(b, `,"of":`...), l.Of)
	b = event.AppendString(append(b, `,"message_id":`...), l.MessageID)
	b = event.AppendString(append(b, `,"email":`...), l.Email)
	return append(appendInt(append(b, `,"revision":`...), l.Revision), '}')
}

func (r *Recipient) appendJSON(b []byte) []byte {
	b = event.AppendString(append(b, `{"address":`...), r.Address)
	b = event.AppendString(append(b, `,"result":`...), string(r.Result))
	if r.Status != 0 {
		b = appendInt(append(b, `,"status":`...), r.Status)
	}
	return append(appendText(b, `,"detail":`, r.Detail), '}')
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// appendText appends a member that lacks where it is empty.
func appendText(b []byte, lead, s string) []byte {
	if s == "" {
		return b
	}
	return event.AppendString(append(b, lead...), s)
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// ReadReference reads a reference as it is written to DELIVERIES.
func ReadReference(data []byte) (Reference, error) {
	if r, ok := readCanonical(data); ok {
		return r, nil
	}
	var r Reference
	err := json.Unmarshal(data, &r)
	return r, err
}

// readCanonical reads the form that encoding/json writes. What is not written
// just so is for the general decoder.
func readCanonical(data []byte) (out Reference, ok bool) {
	r := canonical.Of(data)
	out.ID = r.Text(`{"id":"`)
	out.Owner = r.Text(`,"owner":"`)
	out.Subscription = r.Text(`,"subscription":"`)
	r.Expect(`,"revision":`)
	revision, err := strconv.Atoi(r.Number())
	r.Expect(`,"event_seq":`)
	seq, err2 := strconv.ParseUint(r.Number(), 10, 64)
	out.Revision, out.EventSeq = revision, seq
	out.EventID = r.Text(`,"event_id":"`)
	out.EventType = r.Text(`,"event_type":"`)
	out.Account = r.Optional(`,"account":"`)
	r.Expect("}")
	return out, r.Whole() && err == nil && err2 == nil
}
