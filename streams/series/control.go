package series

import "github.com/billhook/billhook/streams/series/position"

// Control is what the operator wants of a subscription. Numbers grow with every
// change; each replay and skip is applied exactly once, in the order of their
// numbers.
type Control struct {
	// Number is that of the newest change.
	Number uint64
	// Paused stops the series once what is under way has ended. A series that
	// [Pause] stopped goes on when a later change says that it is not paused.
	Paused bool
	Replay Replay
	Skips  []Skip
}

// Replay moves the position back, so that the events from a sequence on are
// delivered again. It never moves it on.
type Replay struct {
	Number uint64 // 0 for none
	From   uint64 // the first sequence that is delivered again
}

// Skip gives up one delivery that is the head of its lane: by its id, or by
// the account whose lane it blocks. With the account, only a head that has
// failed is skipped. What is no such head any more is left alone.
type Skip struct {
	Number   uint64
	Delivery string
	Account  string
}

// Halt says where the policy [Pause] stopped a series.
type Halt = position.Halt
