package settle

import (
	"encoding/json"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// Work is a delivery with what was done for it so far: what a task of
// DELIVERIES or a due retry asks for.
type Work struct {
	Delivery delivery.Reference `json:"delivery"`
	// Part is the delivery's partition.
	Part int `json:"part"`
	// Attempts counts the attempts made so far.
	Attempts int `json:"attempts"`
	// First is when the first attempt was made; zero before it.
	First time.Time `json:"first,omitzero"`
	// Frozen is what the channel keeps between attempts, such as the exact
	// bytes that it sends; nil before there is anything.
	Frozen []byte `json:"frozen,omitempty"`
}

// Read reads a message of DELIVERIES or of a due retry.
func Read(subj string, data []byte) (Work, error) {
	var w Work
	var err error
	if at, e := subject.ParseDelivery(subj); e == nil {
		w.Part = at.Part
		err = json.Unmarshal(data, &w.Delivery)
	} else if _, e = subject.ParseRetryDue(subj); e == nil {
		err = json.Unmarshal(data, &w)
	} else {
		err = e
	}
	if err != nil {
		return Work{}, fault.New(fault.Invalid, "read work", subj, err)
	}
	return w, nil
}
