package api

import (
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Overtaken reports whether a write was refused because somebody else wrote since
// what it expects.
func Overtaken(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
