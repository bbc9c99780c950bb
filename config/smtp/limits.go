package smtp

import (
	"strconv"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// Limits are what the server of SMTP settings is not asked to take more of.
// Each is 0 where the owner sets none.
type Limits struct {
	// Connections is the greatest number of connections at a time of one
	// mailer; it only lowers the mailer's own number.
	Connections int `json:"connections,omitempty"`
	// MessagesPerSecond is the rate of one mailer; 0.5 is one every two
	// seconds.
	MessagesPerSecond float64 `json:"messages_per_second,omitempty"`
	// Recipients is the greatest number of recipients of one message; a letter
	// with more of them is sent several times, to some of them each.
	Recipients int `json:"recipients_per_message,omitempty"`
	// Size is the greatest size of a message in bytes, as it is on the wire.
	Size int `json:"message_size,omitempty"`
}

// The bounds of [Limits]. A server has to take 100 recipients (RFC 5321,
// section 4.5.3.1.8), yet some take fewer.
const (
	MaxConnections = 100
	MinPerSecond   = 0.01
	MaxPerSecond   = 1000
	MaxRecipients  = 1000
	MinSize        = 16 << 10
	MaxSize        = 64 << 20
)

func (l *Limits) check() fault.Problems {
	var r field.Report
	r.Range("/connections", int64(l.Connections), 0, MaxConnections)
	r.Range("/recipients_per_message", int64(l.Recipients), 0, MaxRecipients)
	if l.MessagesPerSecond != 0 && !(l.MessagesPerSecond >= MinPerSecond && l.MessagesPerSecond <= MaxPerSecond) {
		r.Add("/messages_per_second", "number.range", "must be from 0.01 to "+strconv.Itoa(MaxPerSecond))
	}
	if l.Size != 0 {
		r.Range("/message_size", int64(l.Size), MinSize, MaxSize)
	}
	return r.Problems()
}
