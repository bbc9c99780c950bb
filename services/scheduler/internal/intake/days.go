package intake

import (
	"sync"
	"time"
)

// daysMax bounds the services whose day is remembered. Usage of any other costs
// a look at what is stored.
const daysMax = 100_000

// days remembers up to when further usage of a service changes nothing: usage
// is frequent, and only the first of a day is told. The zero days is empty.
type days struct {
	mu      sync.Mutex
	through map[string]time.Time
}

// known reports whether usage of the service of a key changes nothing.
func (d *days) known(key string, at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	through, ok := d.through[key]
	return ok && !at.After(through)
}

// remember takes in up to when it changes nothing; zero forgets.
func (d *days) remember(key string, through time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if through.IsZero() {
		delete(d.through, key)
		return
	}
	if d.through == nil {
		d.through = map[string]time.Time{}
	}
	if len(d.through) >= daysMax {
		for any := range d.through {
			delete(d.through, any)
			break
		}
	}
	d.through[key] = through
}

func (d *days) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.through)
}
