// Package answers remembers for a day how requests with an Idempotency-Key were
// answered, so that a client that never heard may ask again: the same request
// is answered the same, another one with the same key is refused. It refuses to
// remember refusals: what was refused changed nothing and may be corrected.
//
// A request is noted before it is done. Who comes meanwhile is told to come
// again; a note that nobody finished is taken over after a minute, and then the
// request is done as if for the first time: what a crash left done is found to
// exist. Answers may hold a secret, so they are kept sealed.
package answers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// abandoned is after how long a note is taken over that nobody finished.
	abandoned = time.Minute
	// attempts bounds how often a note is read anew because another instance was
	// first.
	attempts = 3
	// finish bounds the writing of an answer, also for a client that is gone.
	finish = 5 * time.Second
)

// Memory remembers answers. It may be used by many goroutines, and by many
// instances on one bucket.
type Memory struct {
	bucket *bucket.Bucket
	sealer *secret.Sealer
	now    func() time.Time
}

// New returns a memory in the bucket of answers.
func New(b *bucket.Bucket, sealer *secret.Sealer, now func() time.Time) *Memory {
	return &Memory{bucket: b, sealer: sealer, now: now}
}

// note is what the bucket has.
type note struct {
	At     time.Time     `json:"at"`
	Sealed secret.Sealed `json:"sealed"`
}

// content is what a note seals.
type content struct {
	// Request is the hash of all that tells the request from others.
	Request string `json:"request"`
	// Answer is nil while the request is under way.
	Answer *api.Recorded `json:"answer,omitempty"`
}

// Once implements [api.Memory].
func (m *Memory) Once(ctx context.Context, ask api.Ask, perform func(context.Context) *api.Recorded) (*api.Recorded, error) {
	key, request := keyOf(ask), hash(string(ask.Request))
	for range attempts {
		e, err := m.bucket.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if e.Exists() {
			answer, err := m.known(e, request)
			if err != nil || answer != nil {
				return answer, err
			}
		}
		revision, err := m.put(ctx, e, content{Request: request})
		if fault.KindOf(err) == fault.Conflict {
			continue
		}
		if err != nil {
			return nil, err
		}
		answer := perform(ctx)
		m.end(ctx, bucket.Entry{Key: key, Revision: revision}, content{request, answer})
		return answer, nil
	}
	return nil, underWay()
}

// known returns the remembered answer; nil where the request is to be done.
func (m *Memory) known(e bucket.Entry, request string) (*api.Recorded, error) {
	var n note
	var c content
	if err := json.Unmarshal(e.Value, &n); err != nil {
		return nil, fault.New(fault.Internal, "decode answer", e.Key, err)
	}
	text, err := m.sealer.Open(place(e.Key), n.Sealed)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text.Reveal()), &c); err != nil {
		return nil, fault.New(fault.Internal, "decode answer", e.Key, err)
	}
	switch {
	case c.Request != request:
		return nil, problem.New(http.StatusUnprocessableEntity, problem.Idempotency, "another request was made with this Idempotency-Key")
	case c.Answer == nil && m.now().Sub(n.At) < abandoned:
		return nil, underWay()
	}
	return c.Answer, nil
}

func underWay() error {
	p := problem.New(http.StatusConflict, problem.Idempotency, "a request with this Idempotency-Key is under way")
	p.RetryAfter = time.Second
	return p
}

func (m *Memory) put(ctx context.Context, e bucket.Entry, c content) (uint64, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, fault.New(fault.Internal, "encode answer", e.Key, err)
	}
	sealed, err := m.sealer.Seal(place(e.Key), secret.NewText(string(text)))
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(note{m.now().UTC(), sealed})
	if err != nil {
		return 0, fault.New(fault.Internal, "encode answer", e.Key, err)
	}
	return m.bucket.Put(ctx, e.Key, value, e.Revision)
}

// end remembers an answer, or forgets a request that was refused. When it fails
// the answer is still the right one to give; the note is then taken over.
func (m *Memory) end(ctx context.Context, e bucket.Entry, c content) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	if c.Answer == nil {
		_, _ = m.bucket.Delete(ctx, e.Key, e.Revision)
		return
	}
	_, _ = m.put(ctx, e, c)
}

// keyOf is where the answer to a request is kept. The client's key is hashed: it
// may be any text.
func keyOf(ask api.Ask) string {
	name, _ := json.Marshal([]string{ask.Caller, ask.Key}) // texts
	if ask.Owner == "" {
		return hash(string(name))
	}
	return setup.Key(ask.Owner, hash(string(name)))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func place(key string) secret.Place {
	return secret.Place{Bucket: topology.Answers, Key: key, Field: "answer"}
}
