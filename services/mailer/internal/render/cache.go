package render

import (
	"container/list"
	"sync"
)

// key names one revision of a canned email in one language.
type key struct {
	owner, id string
	revision  int
	language  string
}

// entry is what compiling gave.
type entry struct {
	templates *templates
	err       error
}

// cache keeps what was used last, up to a number of entries.
type cache struct {
	most int

	mu      sync.Mutex
	order   *list.List // of *held, the most recently used first
	entries map[key]*list.Element
}

type held struct {
	key   key
	entry entry
}

func newCache(most int) *cache {
	return &cache{most: max(1, most), order: list.New(), entries: map[key]*list.Element{}}
}

func (c *cache) get(k key) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	if !ok {
		return entry{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*held).entry, true
}

func (c *cache) put(k key, e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[k]; ok {
		c.order.Remove(old)
	}
	c.entries[k] = c.order.PushFront(&held{k, e})
	for len(c.entries) > c.most {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.entries, last.Value.(*held).key)
	}
}
