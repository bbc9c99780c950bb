package pull

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Headers and codes of the server's status messages.
const (
	statusHeader      = "Status"
	descriptionHeader = "Description"
	pendingHeader     = "Nats-Pending-Messages"
	statusHeartbeat   = "100"
	statusExpired     = "408"
	statusConflict    = "409"
)

// heed acts on a status message.
func (p *Puller) heed(status string, m *nats.Msg) {
	left, err := strconv.Atoi(m.Header.Get(pendingHeader))
	switch {
	case status == statusHeartbeat:
		p.mu.Lock()
		p.seen = time.Now()
		p.mu.Unlock()
	case (status == statusExpired || status == statusConflict) && err == nil:
		// The request ended with places unfilled.
		p.mu.Lock()
		p.seen = time.Now()
		p.due, p.room = p.due-left, p.room+left
		p.mu.Unlock()
		p.ask()
	default:
		p.fail(fmt.Errorf("%w: %s %s", ErrGone, status, m.Header.Get(descriptionHeader)))
	}
}
