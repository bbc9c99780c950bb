package fence

import "hash/maphash"

// generation is how many ids each half of the memory holds.
const generation = 4096

// recent remembers hashes of the ids of the last few thousand messages, to
// predict which message the server will call a duplicate. A wrong prediction
// costs one more round trip and nothing else: the server decides.
type recent struct {
	seed     maphash.Seed
	new, old map[uint64]struct{}
}

func newRecent() *recent {
	return &recent{seed: maphash.MakeSeed(), new: map[uint64]struct{}{}, old: map[uint64]struct{}{}}
}

func (r *recent) has(id string) bool {
	h := maphash.String(r.seed, id)
	_, new := r.new[h]
	_, old := r.old[h]
	return new || old
}

func (r *recent) add(id string) {
	if len(r.new) == generation {
		r.new, r.old = make(map[uint64]struct{}, generation), r.new
	}
	r.new[maphash.String(r.seed, id)] = struct{}{}
}
