package batch

import (
	"errors"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Verdict says what a failed publish means for its messages.
type Verdict uint8

// The verdicts. The zero value is the most careful one.
const (
	// Unknown: stored or not, only reading tells.
	Unknown Verdict = iota
	// Moved: nothing was stored, the expected last sequence is not the last.
	Moved
	// Duplicate: nothing was stored, an id is in the duplicate window.
	Duplicate
	// Passing: nothing was stored, and the same messages may be stored later.
	Passing
	// Refused: nothing was stored, and the same messages fail again.
	Refused
)

// Error codes of the server that nats.go does not name.
const (
	codeDuplicate  jetstream.ErrorCode = 10201 // atomic publish batch contains duplicate message id
	codeInProcess  jetstream.ErrorCode = 10158 // duplicate message id is in process
	codeIncomplete jetstream.ErrorCode = 10176 // part of the batch was lost with a connection or a leader, or was refused by itself
	codeTooMany    jetstream.ErrorCode = 10210 // too many atomic batches in flight
)

// Judge returns the verdict of an error from publishing. Errors of the
// server's own (5xx) are Unknown: a store may have failed half way.
func Judge(err error) Verdict {
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		return Refused
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return Unknown
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return Moved
	case codeDuplicate:
		return Duplicate
	case codeInProcess, codeIncomplete, codeTooMany:
		return Passing
	}
	if api.Code == http.StatusBadRequest {
		return Refused
	}
	return Unknown
}
