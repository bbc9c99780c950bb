package admission

import (
	"time"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/event"
)

// Entry is an admitted event in the form that INBOX holds.
type Entry struct {
	ID   string
	Type string
	// Body is the plain JSON form that [envelope.Parse] reads, without the
	// type, which the subject names.
	Body []byte
}

// Encode returns the entry of a candidate.
func Encode(c envelope.Candidate) Entry {
	b := make([]byte, 0, 128+32*len(c.Data))
	b = event.AppendString(append(b, `{"id":`...), c.ID)
	b = c.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = append(b, '"')
	if c.Account != "" {
		b = event.AppendString(append(b, `,"account":`...), c.Account)
	}
	b = append(c.Data.AppendJSON(append(b, `,"data":`...)), '}')
	return Entry{ID: c.ID, Type: c.Type, Body: b}
}
