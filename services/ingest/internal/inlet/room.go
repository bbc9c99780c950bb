package inlet

import (
	"context"
	"sync"
)

const (
	// maxLarge is how many requests larger than one event are held in memory
	// at once; the others wait.
	maxLarge = 16
	// maxLargeOfOne is how many of these may be one owner's, so that an owner
	// who sends slowly keeps only itself waiting.
	maxLargeOfOne = 4
)

// room bounds the large requests in memory, over all owners and of each.
type room struct {
	all chan struct{}

	mu     sync.Mutex
	owners map[string]*share
}

// share is an owner's part of the room, while anybody needs it.
type share struct {
	places chan struct{}
	users  int
}

func newRoom() *room {
	return &room{all: make(chan struct{}, maxLarge), owners: map[string]*share{}}
}

// enter waits for a place, first among the owner's own: what waits there takes
// nothing from others. It returns how to leave, or false at the end of ctx.
func (r *room) enter(ctx context.Context, owner string) (leave func(), ok bool) {
	s := r.join(owner)
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		r.part(owner)
		return nil, false
	}
	select {
	case r.all <- struct{}{}:
	case <-ctx.Done():
		<-s.places
		r.part(owner)
		return nil, false
	}
	return func() {
		<-r.all
		<-s.places
		r.part(owner)
	}, true
}

func (r *room) join(owner string) *share {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.owners[owner]
	if s == nil {
		s = &share{places: make(chan struct{}, maxLargeOfOne)}
		r.owners[owner] = s
	}
	s.users++
	return s
}

func (r *room) part(owner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.owners[owner]
	if s.users--; s.users == 0 {
		delete(r.owners, owner)
	}
}
