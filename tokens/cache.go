package tokens

import (
	"container/list"
	"strconv"
	"strings"
	"sync"

	"github.com/billhook/billhook/shared/fault"
)

// The bounds of a cache.
const (
	// MaxCached is the greatest number of templates that a cache keeps.
	MaxCached = 4096
	// MaxCachedBytes is the greatest size of their sources together.
	MaxCachedBytes = 32 << 20
)

// Cache keeps what became of templates, the refused ones too, so that neither
// the same mail sent a thousand times nor the same mistake previewed a thousand
// times is read again. It keeps the most recently used. It is safe for use by
// many goroutines.
type Cache struct {
	catalogue *Catalogue
	mu        sync.Mutex
	entries   map[cacheKey]*list.Element
	recent    *list.List // of *cached, the most recent first
	bytes     int
	maxCount  int
	maxBytes  int
}

// cacheKey is the source itself: a hash would save memory, which is bounded,
// and cost the certainty that two templates are the same.
type cacheKey struct{ src, use string }

type cached struct {
	key      cacheKey
	template *Template
	problems fault.Problems
}

// NewCache returns an empty cache.
func NewCache(c *Catalogue) *Cache {
	return &Cache{
		catalogue: c, entries: map[cacheKey]*list.Element{}, recent: list.New(),
		maxCount: MaxCached, maxBytes: MaxCachedBytes,
	}
}

// Parse is [Catalogue.Parse], remembered.
func (c *Cache) Parse(src string, use Use) (*Template, error) {
	key := cacheKey{src, use.key()}
	if e := c.get(key); e != nil {
		return e.template, e.problems.Or()
	}
	e := &cached{key: key}
	e.template, e.problems = c.catalogue.compile(src, use)
	if len(src) <= MaxTemplate {
		c.put(e)
	}
	return e.template, e.problems.Or()
}

func (c *Cache) get(key cacheKey) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(at)
	return at.Value.(*cached)
}

func (c *Cache) put(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, raced := c.entries[e.key]; raced {
		return
	}
	c.entries[e.key] = c.recent.PushFront(e)
	c.bytes += len(e.key.src)
	for c.recent.Len() > c.maxCount || c.bytes > c.maxBytes {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.entries, oldest.key)
		c.bytes -= len(oldest.key.src)
	}
}

// key tells uses apart.
func (u Use) key() string {
	return strconv.Itoa(int(u.Output)) + " " + string(u.Channel) + " " + strings.Join(u.Events, " ")
}
