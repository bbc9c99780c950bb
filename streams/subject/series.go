package subject

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
)

// Series is what a key of the bucket series says: an in-order subscription and
// the slot that it belongs to.
type Series struct {
	Channel      delivery.Channel
	Slot         int
	Owner        string
	Subscription string
}

// Key is the key of the subscription in the bucket series.
func (s Series) Key() string {
	return join(string(s.Channel), strconv.Itoa(s.Slot), s.Owner, s.Subscription)
}

// SeriesOf matches the keys of a channel in the bucket series.
func SeriesOf(ch delivery.Channel) string { return join(string(ch), ">") }

// SeriesIn matches the keys of one slot of a channel in the bucket series.
func SeriesIn(ch delivery.Channel, slot int) string { return join(string(ch), strconv.Itoa(slot), ">") }

// SeriesOfOwner matches the keys of an owner in the bucket series.
func SeriesOfOwner(owner string) string { return join("*", "*", owner, "*") }

// ParseSeries reads a key of the bucket series.
func ParseSeries(key string) (Series, error) {
	t := strings.Split(key, ".")
	if len(t) != 4 || t[0] == "" || t[2] == "" || t[3] == "" {
		return Series{}, fmt.Errorf("parse key %q of a series: not of four parts", key)
	}
	slot, ok := number(t[1])
	if !ok {
		return Series{}, fmt.Errorf("parse key %q of a series: no slot", key)
	}
	return Series{Channel: delivery.Channel(t[0]), Slot: slot, Owner: t[2], Subscription: t[3]}, nil
}

// Partition is the partition of an owner among n: what the server computes for
// the subject transform of INBOX.
func Partition(owner string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(owner)) // never fails
	return int(h.Sum32() % uint32(n))
}
