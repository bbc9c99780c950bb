package store_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
)

// book is the model of an owner's SMTP settings: ids in the order of their
// making, and the default.
type book struct {
	sets []string
	def  string
}

// step is what a change that was accepted did, as its writer was told.
type step struct{ effect, id string }

func effect(c setup.Change, id string) step {
	after, isDefault := c.After.(smtp.Document)
	isDefault = isDefault && after.Default
	switch {
	case c.Action == setup.Created && isDefault:
		return step{"made as default", id}
	case c.Action == setup.Created:
		return step{"made", id}
	case c.Action == setup.Deleted:
		return step{"deleted", id}
	}
	return step{"chosen", id}
}

// play does a step; ok is false where the rules refuse it, or where it would
// have been no change.
func (b book) play(s step) (next book, ok bool) {
	has := slices.Contains(b.sets, s.id)
	next = book{slices.Clone(b.sets), b.def}
	switch s.effect {
	case "made":
		next.sets = append(next.sets, s.id)
		return next, !has && b.def != ""
	case "made as default":
		return book{append(next.sets, s.id), s.id}, !has
	case "chosen":
		next.def = s.id
		return next, has && b.def != s.id
	}
	next.sets = slices.DeleteFunc(next.sets, func(id string) bool { return id == s.id })
	if b.def == s.id {
		next.def = ""
	}
	return next, has && (b.def != s.id || len(b.sets) == 1)
}

// TestConcurrentSettingsAreTheModelsInSomeOrder lets 64 writers loose and keeps
// every state that was ever stored. Each must follow from the one before it by
// one change that a writer was told of, and none of those may be left over.
func TestConcurrentSettingsAreTheModelsInSomeOrder(t *testing.T) {
	b, _ := start(t)
	keepEveryState(t, b)
	var mu sync.Mutex
	told := map[step]int{}
	crowd(t, b, func(ctx context.Context, s *store.Store, _ int) error {
		id := name("m", rand.N(4))
		c, err := anyChange(ctx, s, id)
		if err == nil && c.Action != setup.Unchanged {
			mu.Lock()
			told[effect(c, id)]++
			mu.Unlock()
		}
		return err
	})
	now := book{}
	for i, next := range everyState(t, b) {
		st, ok := explain(now, next, told)
		if !ok {
			t.Fatalf("state %d: %v does not follow from %v by any change that was told of", i, next, now)
		}
		told[st]--
		now = next
	}
	for st, n := range told {
		if n != 0 {
			t.Errorf("%v: %d more were told of than stored", st, n)
		}
	}
}

func anyChange(ctx context.Context, s *store.Store, id string) (setup.Change, error) {
	d := mail(id)
	switch rand.N(4) {
	case 0:
		return s.SetDefaultSMTP(ctx, "acme", id)
	case 1:
		return s.DeleteSMTP(ctx, "acme", id)
	case 2:
		d.Default = true
	}
	return s.PutSMTP(ctx, "acme", d)
}

// explain finds the step between two states among those told of.
func explain(now, next book, told map[step]int) (step, bool) {
	for s, n := range told {
		after, legal := now.play(s)
		if legal && n > 0 && after.def == next.def && slices.Equal(after.sets, next.sets) {
			return s, true
		}
	}
	return step{}, false
}

func keepEveryState(t *testing.T, b *bench) {
	t.Helper()
	stream, err := b.js.Stream(t.Context(), "KV_smtp")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.MaxMsgsPerSubject = -1
	if _, err := b.js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func everyState(t *testing.T, b *bench) []book {
	t.Helper()
	stream, err := b.js.Stream(t.Context(), "KV_smtp")
	if err != nil {
		t.Fatal(err)
	}
	var out []book
	for seq := range stream.CachedInfo().State.LastSeq {
		msg, err := stream.GetMsg(t.Context(), seq+1)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, decode(t, msg))
	}
	return out
}

func decode(t *testing.T, msg *jetstream.RawStreamMsg) book {
	t.Helper()
	var stored smtp.Book
	if err := json.Unmarshal(msg.Data, &stored); err != nil {
		t.Fatal(err)
	}
	out := book{def: stored.Default}
	for _, s := range stored.Sets {
		out.sets = append(out.sets, s.ID)
	}
	return out
}
