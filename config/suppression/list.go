package suppression

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// List is the list of all owners. It may be used by many goroutines.
type List struct{ bucket *bucket.Bucket }

// Open returns the list. It makes no request.
func Open(js jetstream.JetStream) *List { return &List{bucket.Open(js, topology.Suppressions)} }

// Has reports whether an address is on an owner's list. It sees every finished
// write.
func (l *List) Has(ctx context.Context, owner, addr string) (bool, error) {
	e, _, err := l.find(ctx, owner, addr)
	return e.Exists(), err
}

// Get returns what an owner's list has of an address; the error is of kind
// NotFound where it is not there. It sees every finished write.
func (l *List) Get(ctx context.Context, owner, addr string) (Entry, error) {
	found, normal, err := l.find(ctx, owner, addr)
	if err != nil {
		return Entry{}, err
	}
	if !found.Exists() {
		return Entry{}, fault.New(fault.NotFound, "find suppression of", normal, nil)
	}
	return decode(found)
}

// Page is a part of an owner's list, in the order in which addresses came onto
// it.
type Page struct {
	Entries []Entry
	// Last is the place of the last entry that was looked at; what follows begins
	// behind it.
	Last uint64
	// More is false at the end of the list.
	More bool
}

// Page returns at most limit entries behind a place, 0 for the beginning, at a
// cost that does not grow with the list. Addresses that left the list since take
// up room of a page.
func (l *List) Page(ctx context.Context, owner string, after uint64, limit int) (Page, error) {
	out := Page{Last: after}
	var broken error
	more, err := l.bucket.Page(ctx, bucket.Span{Below: owner, After: after, Limit: limit}, func(found bucket.Entry) {
		out.Last = found.Revision
		if !found.Exists() || broken != nil {
			return
		}
		var e Entry
		if e, broken = decode(found); broken == nil {
			out.Entries = append(out.Entries, e)
		}
	})
	out.More = more
	return out, errors.Join(err, broken)
}

func decode(found bucket.Entry) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(found.Value, &e); err != nil {
		return e, fault.New(fault.Internal, "decode suppression", found.Key, err)
	}
	return e, nil
}

// Add puts an address on an owner's list and reports whether it was not there
// before: then the entry that there is stays.
func (l *List) Add(ctx context.Context, owner string, e Entry) (added bool, err error) {
	return l.write(ctx, owner, e.Address, func(before bucket.Entry, normal string) error {
		if before.Exists() {
			return errAsIs
		}
		e.Address = normal
		value, err := json.Marshal(e)
		if err != nil {
			return fault.New(fault.Internal, "encode suppression", owner, err)
		}
		_, err = l.bucket.Put(ctx, before.Key, value, before.Revision)
		return err
	})
}

// Remove takes an address off an owner's list and reports whether it was there.
func (l *List) Remove(ctx context.Context, owner, addr string) (removed bool, err error) {
	return l.write(ctx, owner, addr, func(before bucket.Entry, _ string) error {
		if !before.Exists() {
			return errAsIs
		}
		_, err := l.bucket.Delete(ctx, before.Key, before.Revision)
		return err
	})
}

// write makes a change to what stands for an address. Who is overtaken looks
// again.
func (l *List) write(ctx context.Context, owner, addr string, change func(bucket.Entry, string) error) (bool, error) {
	for {
		before, normal, err := l.find(ctx, owner, addr)
		if err != nil {
			return false, err
		}
		err = change(before, normal)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, errAsIs):
			return false, nil
		case fault.KindOf(err) != fault.Conflict:
			return false, err
		}
	}
}

func (l *List) find(ctx context.Context, owner, addr string) (e bucket.Entry, normal string, err error) {
	if !id.Valid(owner) {
		return e, "", fault.New(fault.Invalid, "find suppression of owner", owner, errOwner)
	}
	if normal, err = Normal(addr); err != nil {
		return e, "", err
	}
	e, err = l.bucket.Get(ctx, key(owner, normal))
	return e, normal, err
}

// All returns an owner's list by address.
func (l *List) All(ctx context.Context, owner string) ([]Entry, error) {
	if !id.Valid(owner) {
		return nil, fault.New(fault.Invalid, "list suppressions of owner", owner, errOwner)
	}
	found, err := l.bucket.List(ctx, owner+".*")
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, f := range found {
		if !f.Exists() {
			continue
		}
		e, err := decode(f)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Address, b.Address) })
	return out, nil
}
