package series

import (
	"encoding/json"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/subject"
)

// Copy is the lazy copy of a position in the bucket series. The newest message
// inside the fence knows better, if its sequence is beyond Fence.
type Copy struct {
	Position position.Position `json:"position"`
	// Fence is the sequence in OUTCOMES of the newest message inside the fence
	// when the copy was made.
	Fence  uint64 `json:"fence"`
	Holder string `json:"holder,omitempty"` // for people
}

// ParseCopy reads a value of the bucket series with its key.
func ParseCopy(key string, value []byte) (Key, Copy, error) {
	const op = "read position"
	at, err := subject.ParseSeries(key)
	if err != nil {
		return Key{}, Copy{}, fault.New(fault.Invalid, op, key, err)
	}
	var c Copy
	if err := json.Unmarshal(value, &c); err != nil {
		return Key{}, Copy{}, fault.New(fault.Invalid, op, key, err)
	}
	return Key{Channel: at.Channel, Owner: at.Owner, Subscription: at.Subscription}, c, nil
}
