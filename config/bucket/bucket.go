// Package bucket reads and writes keys of a KV bucket where every read must
// see every finished write: it asks the stream's leader, and it knows the
// revision of deleted keys, so that every write is a compare-and-set. It
// refuses to watch; see directory.
package bucket

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// timeout bounds one request where the caller's context does not.
const timeout = 5 * time.Second

// Bucket is one KV bucket.
type Bucket struct {
	js   jetstream.JetStream
	name string
}

// Open returns the bucket of a name. It makes no request; a bucket that does
// not exist fails with its first use.
func Open(js jetstream.JetStream, name string) *Bucket { return &Bucket{js: js, name: name} }

// Name returns the bucket's name.
func (b *Bucket) Name() string { return b.name }

// Entry is the newest state of a key.
type Entry struct {
	Key string
	// Value is nil when the key does not exist.
	Value []byte
	// Revision is that of the last write or delete; 0 when there was none.
	Revision uint64
}

// Exists reports whether the key has a value.
func (e Entry) Exists() bool { return e.Value != nil }

// Get returns the newest state of a key, from the leader.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ask, err := json.Marshal(map[string]string{"last_by_subj": topology.BucketKey(b.name, key)})
	if err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	subject := b.api() + ".STREAM.MSG.GET." + topology.BucketStream(b.name)
	reply, err := b.js.Conn().RequestWithContext(ctx, subject, ask)
	if err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	return b.entry(key, reply.Data)
}

// Peek returns a state of a key that any replica has: the newest, or one before
// it, or none though there is one. It costs half of [Bucket.Get], and serves
// whoever writes on what was read, or asks again.
func (b *Bucket) Peek(ctx context.Context, key string) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	subject := b.api() + ".DIRECT.GET." + topology.BucketStream(b.name) + "." + topology.BucketKey(b.name, key)
	reply, err := b.js.Conn().RequestWithContext(ctx, subject, nil)
	if err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	e := Entry{Key: key}
	if reply.Header.Get("Status") != "" { // none, or nobody who has it yet
		return e, nil
	}
	if e.Revision, err = strconv.ParseUint(reply.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	if !deleted(reply.Header) {
		e.Value = append([]byte{}, reply.Data...)
	}
	return e, nil
}

// api returns the first tokens of requests.
func (b *Bucket) api() string {
	return strings.TrimSuffix(cmp.Or(b.js.Options().APIPrefix, jetstream.DefaultAPIPrefix), ".")
}

// stored is the leader's answer, of the JetStream API.
type stored struct {
	Error   *jetstream.APIError `json:"error"`
	Message struct {
		Seq    uint64 `json:"seq"`
		Header []byte `json:"hdrs"`
		Data   []byte `json:"data"`
	} `json:"message"`
}

func (b *Bucket) entry(key string, answer []byte) (Entry, error) {
	var s stored
	if err := json.Unmarshal(answer, &s); err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	if s.Error != nil && s.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
		return Entry{Key: key}, nil
	}
	if s.Error != nil {
		return Entry{}, b.fail("read", key, s.Error)
	}
	e := Entry{Key: key, Revision: s.Message.Seq}
	deleted, err := isDelete(s.Message.Header)
	if err != nil {
		return Entry{}, b.fail("read", key, err)
	}
	if !deleted {
		e.Value = append([]byte{}, s.Message.Data...)
	}
	return e, nil
}

func isDelete(header []byte) (bool, error) {
	if len(header) == 0 {
		return false, nil
	}
	h, err := nats.DecodeHeadersMsg(header)
	return deleted(h), err
}

// operation is the header by which nats.go marks the deletes of a bucket.
const operation = "KV-Operation"

// deleted reports whether a message says that its key was deleted.
func deleted(h nats.Header) bool { return h.Get(operation) != "" }

// Put writes a value when the key's revision is still the expected one, 0 for
// a key never written. It fails with [fault.Conflict] when it is not.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, expect uint64) (uint64, error) {
	return b.write(ctx, key, &nats.Msg{Data: value}, expect)
}

// Delete deletes a key under the same condition as [Bucket.Put].
func (b *Bucket) Delete(ctx context.Context, key string, expect uint64) (uint64, error) {
	return b.write(ctx, key, &nats.Msg{Header: nats.Header{operation: {"DEL"}}}, expect)
}

func (b *Bucket) write(ctx context.Context, key string, msg *nats.Msg, expect uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	msg.Subject = topology.BucketKey(b.name, key)
	ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expect))
	if overtaken(err) {
		return 0, fault.New(fault.Conflict, "write "+b.name, key, err)
	}
	if err != nil {
		return 0, b.fail("write", key, err)
	}
	return ack.Sequence, nil
}

func overtaken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func (b *Bucket) fail(op, key string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Unavailable, op+" "+b.name, key, err)
}

// List returns the newest state of every key that matches pattern (of the
// form of subjects), deleted ones included. A replica that is behind may answer; the caller
// knows by the revisions whether it has seen what it must.
func (b *Bucket) List(ctx context.Context, pattern string) ([]Entry, error) {
	kv, err := b.js.KeyValue(ctx, b.name)
	if err != nil {
		return nil, b.fail("list", pattern, err)
	}
	w, err := kv.Watch(ctx, pattern)
	if err != nil {
		return nil, b.fail("list", pattern, err)
	}
	defer func() { _ = w.Stop() }() // nothing to do about a failure: the consumer times out by itself
	var entries []Entry
	for {
		select {
		case <-ctx.Done():
			return nil, b.fail("list", pattern, ctx.Err())
		case e, ok := <-w.Updates():
			if !ok {
				return nil, b.fail("list", pattern, nats.ErrConnectionClosed)
			}
			if e == nil {
				return entries, nil
			}
			entries = append(entries, fromKV(e))
		}
	}
}

func fromKV(e jetstream.KeyValueEntry) Entry {
	out := Entry{Key: e.Key(), Revision: e.Revision()}
	if e.Operation() == jetstream.KeyValuePut {
		out.Value = append([]byte{}, e.Value()...)
	}
	return out
}
