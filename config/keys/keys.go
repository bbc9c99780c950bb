// Package keys tells who presents an API key. It refuses to say why a key is
// not accepted: to a guesser every failure looks the same.
package keys

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/recent"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

const (
	size = 10_000
	// maxAge is how long a revoked key may go on working, should the watch
	// that brings the news be broken.
	maxAge = 5 * time.Second
)

// Settings says how keys are read.
type Settings struct {
	JetStream jetstream.JetStream
	Now       func() time.Time
	Logger    zerolog.Logger
}

// Keys authenticates. It may be used by many goroutines.
type Keys struct {
	table *recent.Table[*apikey.Key]
	now   func() time.Time
}

// Open returns keys that are kept fresh until [Keys.Close]. ctx bounds the
// beginning only.
func Open(ctx context.Context, s Settings) (*Keys, error) {
	t, err := recent.Open(ctx, recent.Settings{
		JetStream: s.JetStream, Bucket: topology.APIKeys, Size: size, MaxAge: maxAge, Now: s.Now, Logger: s.Logger,
	}, decode)
	if err != nil {
		return nil, err
	}
	return &Keys{table: t, now: s.Now}, nil
}

func decode(key string, value []byte) (*apikey.Key, error) {
	k := new(apikey.Key)
	if err := json.Unmarshal(value, k); err != nil {
		return nil, fault.New(fault.Internal, "decode api key", key, err)
	}
	return k, nil
}

// Close ends the watch and waits for its goroutine.
func (k *Keys) Close() { k.table.Close() }

// Authenticate returns the key whose text is presented. Whom it acts for is in
// the key, and package access says what it may do. Whatever is wrong (form,
// unknown, revoked, expired) fails with [fault.Denied] and the same text; only
// [fault.Unavailable] and a cancelled context differ.
func (k *Keys) Authenticate(ctx context.Context, presented secret.Text) (apikey.Key, error) {
	place, ok := apikey.Find(presented)
	if !ok {
		return apikey.Key{}, denied()
	}
	found, ok, err := k.table.Get(ctx, place)
	if err != nil {
		return apikey.Key{}, err
	}
	// What lies in another place than its own was put there by nobody of ours.
	if !ok || found.Place() != place || !found.Matches(presented, k.now()) {
		return apikey.Key{}, denied()
	}
	return *found, nil
}

func denied() error { return fault.New(fault.Denied, "authenticate", "", nil) }
