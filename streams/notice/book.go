package notice

import (
	"slices"
	"time"
)

// maxThings is how many things may wait to be told of, or were told of in the
// present window.
const maxThings = 4096

// book holds what is to be told and how often it was raised. Windows begin at
// multiples of their length, so that they are the same for all instances. It is
// pure: the moment is passed in.
type book struct {
	interval time.Duration
	things   map[thing]*page
	raised   int
}

type thing struct {
	kind       Kind
	owner, key string
}

// page is what the book knows of a thing.
type page struct {
	// newest is the last notice that is not told yet, at when it was raised,
	// order its place among all.
	newest Notice
	at     time.Time
	order  int
	// count is how many are concerned since the last that was told; 0 when
	// there is nothing to tell.
	count int
	// window is that in which one was told.
	window int64
}

// never is a window before all others.
const never = -1

func newBook(interval time.Duration) *book {
	return &book{interval: interval, things: map[thing]*page{}}
}

func (b *book) window(at time.Time) int64 { return at.UnixNano() / int64(b.interval) }

// add notes a notice. It returns false when there is no room.
func (b *book) add(n Notice, now time.Time) bool {
	of := thing{n.Kind, n.Owner, n.Thing}
	p := b.things[of]
	if p == nil {
		if len(b.things) >= maxThings && b.forget(now) == 0 {
			return false
		}
		p = &page{window: never}
		b.things[of] = p
	}
	b.raised++
	p.newest, p.at, p.order = n, now, b.raised
	p.count += max(1, n.Count)
	return true
}

// due takes what may be told now, in the order in which it was raised.
func (b *book) due(now time.Time) []told {
	window := b.window(now)
	var pages []*page
	for _, p := range b.things {
		if p.count > 0 && p.window < window {
			pages = append(pages, p)
		}
	}
	slices.SortFunc(pages, func(x, y *page) int { return x.order - y.order })
	out := make([]told, len(pages))
	for i, p := range pages {
		out[i] = told{Notice: p.newest, at: p.at, window: window}
		out[i].Count = p.count
		p.count, p.window = 0, window
	}
	return out
}

// next returns how long there is nothing to tell if nothing is raised, and
// false when that is for ever.
func (b *book) next(now time.Time) (time.Duration, bool) {
	for _, p := range b.things {
		if p.count > 0 {
			begins := time.Unix(0, (p.window+1)*int64(b.interval))
			return max(0, begins.Sub(now)), true
		}
	}
	return 0, false
}

// forget drops the things of former windows that there is nothing to tell of,
// and returns how many these are.
func (b *book) forget(now time.Time) int {
	window, before := b.window(now), len(b.things)
	for of, p := range b.things {
		if p.count == 0 && p.window < window {
			delete(b.things, of)
		}
	}
	return before - len(b.things)
}
