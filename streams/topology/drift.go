package topology

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
)

// Missing is the Got of a stream or consumer that does not exist.
const Missing = "missing"

// Difference is one field of a stream, bucket or consumer that is not as the
// settings say.
type Difference struct {
	// Name is the stream, or "stream consumer"; a bucket by its stream.
	Name string
	// Field is the JSON name of the field; empty when all of it is missing.
	Field string
	// Want and Got are the JSON texts of the values.
	Want, Got string
}

// Drift compares what exists with the settings, and returns the differences
// by name and field. It changes nothing.
func Drift(ctx context.Context, js jetstream.JetStream, s Settings) ([]Difference, error) {
	var mu sync.Mutex
	var out []Difference
	add := func(d []Difference) {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, d...)
	}
	err := each(append(Streams(s), Buckets(s)...), func(c jetstream.StreamConfig) error {
		d, err := streamDrift(ctx, js, c)
		add(d)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(Durables(s), func(c Durable) error {
		d, err := durableDrift(ctx, js, c)
		add(d)
		return err
	})
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field))
	})
	return out, err
}

func streamDrift(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) ([]Difference, error) {
	str, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return []Difference{{Name: want.Name, Got: Missing}}, nil
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read stream", want.Name, err)
	}
	return differ(want.Name, want, str.CachedInfo().Config)
}

func durableDrift(ctx context.Context, js jetstream.JetStream, want Durable) ([]Difference, error) {
	name := want.Stream + " " + want.Config.Durable
	con, err := js.Consumer(ctx, want.Stream, want.Config.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return []Difference{{Name: name, Got: Missing}}, nil
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read consumer", name, err)
	}
	return differ(name, want.Config, con.CachedInfo().Config)
}

// differ compares the JSON forms, field by field, leaving out what the server
// adds by itself: its own metadata and the defaults of fields we do not set.
func differ(name string, want, got any) ([]Difference, error) {
	w, err := fields(want)
	if err != nil {
		return nil, err
	}
	g, err := fields(got)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for field, value := range w {
		if !slices.Equal(value, g[field]) {
			out = append(out, Difference{Name: name, Field: field, Want: string(value), Got: string(g[field])})
		}
	}
	return out, nil
}

func fields(config any) (map[string]json.RawMessage, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, fault.New(fault.Internal, "encode configuration", "", err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fault.New(fault.Internal, "decode configuration", "", err)
	}
	return m, dropServerMetadata(m)
}

// dropServerMetadata removes the entries that begin with "_nats.".
func dropServerMetadata(m map[string]json.RawMessage) error {
	var meta map[string]string
	if len(m["metadata"]) == 0 {
		return nil
	}
	if err := json.Unmarshal(m["metadata"], &meta); err != nil {
		return fault.New(fault.Internal, "decode metadata", "", err)
	}
	for k := range meta {
		if strings.HasPrefix(k, "_nats.") {
			delete(meta, k)
		}
	}
	b, err := json.Marshal(meta)
	m["metadata"] = b
	return err
}
