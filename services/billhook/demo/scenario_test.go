package demo_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestTheSeedBreaksNoRule(t *testing.T) {
	s, err := demo.New(time.Now(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	js := topologytest.JetStream(t)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	sealer := secrettest.Sealer(t)
	st := store.New(store.Deps{JetStream: js, Catalogue: catalogue, Sealer: sealer, Rand: rand.Reader, Now: time.Now,
		Mail: &guard.Policy{Ports: guard.MailPorts()}})
	for _, documents := range []string{s.Seed, demo.ChangeDefault} {
		if _, err := manifest.Apply(t.Context(), st, []byte(documents), manifest.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}
