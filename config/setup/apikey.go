package setup

import (
	"cmp"
	"time"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// CreateKey makes an API key. The Setup does not hold keys.
func (s *Setup) CreateKey(k apikey.Key) (Change, error) {
	if k.Owner != "" {
		if err := s.known(k.Owner); err != nil {
			return Change{}, err
		}
	}
	var r field.Report
	r.Join("", k.Check())
	for i, e := range k.Endpoints {
		if _, ok := s.Endpoints[e]; !ok && id.Valid(e) {
			unknown(&r, field.At("/endpoints", i), "endpoint", e)
		}
	}
	for i, q := range k.Queues {
		if _, ok := s.Queues[q]; !ok && id.Valid(q) {
			unknown(&r, field.At("/queues", i), "queue", q)
		}
	}
	if err := r.Problems().Or(); err != nil {
		return Change{}, err
	}
	return s.change(keyWrite(&k, nil))
}

// RevokeKey ends a key for good; former is nil when there is none of the id.
func (s *Setup) RevokeKey(former *apikey.Key, keyID string, at time.Time) (Change, error) {
	if former == nil {
		return Change{}, notFound("revoke api key", keyID)
	}
	next := *former
	if next.RevokedAt.IsZero() {
		next.RevokedAt = at
	}
	return s.change(keyWrite(&next, former))
}

func keyWrite(k, former *apikey.Key) write {
	w := write{bucket: topology.APIKeys, owner: cmp.Or(k.Owner, id.Installation), id: k.ID, stored: k, after: k.Shown()}
	if former != nil {
		w.before = former.Shown()
	}
	return w
}
