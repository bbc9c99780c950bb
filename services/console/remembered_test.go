package console_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestARequestWithAKeyIsDoneOnceAndAnsweredTheSame(t *testing.T) {
	r := start(t)
	again := map[string]string{"Idempotency-Key": "order-1"}
	first := r.do(t, ask{method: "POST", path: endpoints, body: erp, header: again}).want(t, http.StatusCreated)
	second := r.do(t, ask{method: "POST", path: endpoints, body: erp, header: again}).want(t, http.StatusCreated)
	if first.body != second.body || !strings.Contains(first.body, "whsec_") || first.header.Get("ETag") != second.header.Get("ETag") {
		t.Errorf("%s\n%s", first.body, second.body)
	}
	other := r.do(t, ask{method: "POST", path: endpoints, body: strings.Replace(erp, "ERP", "Other", 1), header: again}).want(t, http.StatusUnprocessableEntity)
	if !strings.Contains(other.body, "idempotency") {
		t.Error(other.body)
	}
	// Another key of the same owner has texts of its own.
	r.do(t, ask{method: "POST", path: endpoints, body: erp, header: again, key: r.keys["editor"]}).want(t, http.StatusConflict)
}

func TestWhatWasRefusedMayBeCorrected(t *testing.T) {
	r := start(t)
	again := map[string]string{"Idempotency-Key": "order-1"}
	r.do(t, ask{method: "POST", path: endpoints, body: `{"id": "erp"}`, header: again}).want(t, http.StatusUnprocessableEntity)
	r.do(t, ask{method: "POST", path: endpoints, body: erp, header: again}).want(t, http.StatusCreated)
}

func TestOfManyAtOnceOneIsDone(t *testing.T) {
	r := start(t)
	const path = "/v1/owners/acme/api-keys"
	header := map[string]string{"Idempotency-Key": "k"}
	bodies := make(chan answer, 16)
	var all sync.WaitGroup
	for range cap(bodies) {
		all.Go(func() {
			bodies <- r.do(t, ask{method: "POST", path: path, body: `{"role": "viewer"}`, header: header})
		})
	}
	all.Wait()
	close(bodies)
	made := ""
	for a := range bodies {
		switch {
		case a.status == http.StatusConflict: // under way
		case a.status != http.StatusCreated:
			t.Errorf("%d %s", a.status, a.body)
		case made == "":
			made = a.body
		case made != a.body:
			t.Errorf("made twice: %s and %s", made, a.body)
		}
	}
	if made == "" {
		t.Error("none was made")
	}
	// The texts are not in the bucket as they are.
	kv, err := r.js.KeyValue(t.Context(), "answers")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		e, err := kv.Get(t.Context(), key)
		if err != nil || strings.Contains(string(e.Value()), "bhk_") {
			t.Errorf("%s %v", e.Value(), err)
		}
	}
}
