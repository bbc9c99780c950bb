package trial

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/settle"
)

func TestWhatMayBeSecretIsMaskedByDefault(t *testing.T) {
	shown, hidden := mask([]probe.Line{
		{Name: "Host", Value: "example.com"}, {Name: "Authorization", Value: "Bearer abc"}, {Name: "X-Key", Value: "k"},
		{Name: "X-Added", Value: "seen"}, {Name: "Webhook-Id", Value: "test_1"},
	}, []string{"x-added"})
	want := []probe.Line{
		{Name: "Host", Value: "example.com"}, {Name: "Authorization", Value: secret.Mask}, {Name: "X-Key", Value: secret.Mask},
		{Name: "X-Added", Value: "seen"}, {Name: "Webhook-Id", Value: "test_1"},
	}
	if d := cmp.Diff(want, shown); d != "" {
		t.Error(d)
	}
	if got := hide("as it was", []string{""}); got != "as it was" {
		t.Errorf("%q", got)
	}
	if got := hide("you sent abc and Bearer abc", hidden[:2]); strings.Contains(got, "abc") {
		t.Errorf("%q", got)
	}
}

func TestWhatIsToldOfAnAnswersHeadersIsBounded(t *testing.T) {
	h := http.Header{"Long": {strings.Repeat("x", 1<<20)}, "Odd": {"\xff"}}
	for i := range 10_000 {
		h["Z"] = append(h["Z"], strings.Repeat("z", i%7))
	}
	got := bounded(h, nil)
	if len(got) != mostLines || len(got[0].Value) > longestLine+len("…") || got[1].Value != "\ufffd" {
		t.Errorf("%d lines, the first of %d bytes, %q", len(got), len(got[0].Value), got[1].Value)
	}
}

func TestASecretThatIsSentBackIsMaskedAlsoWhereTheAnswerIsCut(t *testing.T) {
	const key = "a-secret-of-some-length"
	_, hidden := mask([]probe.Line{{Name: "Authorization", Value: "Bearer " + key}}, nil)
	for n := longestLine - len(key) - 1; n <= longestLine; n++ {
		got := bounded(http.Header{"Echo": {strings.Repeat("x", n) + key + strings.Repeat("y", n)}}, hidden)
		if strings.Contains(got[0].Value, key[:4]) {
			t.Fatalf("behind %d bytes: %q", n, got[0].Value[n:])
		}
	}
}

func TestASecretIsMaskedAlsoWhereItWasSentInAnotherForm(t *testing.T) {
	const password = "correct horse"
	w := newWatch(time.Now)
	w.wroteHeader("Authorization", []string{"Basic Y29ycmVjdCBob3JzZQ=="})
	at, err := url.Parse("https://hooks.example.com")
	if err != nil {
		t.Fatal(err)
	}
	r := w.report(&settle.Work{}, attempt.Made{URL: at, Answer: post.Answer{Header: http.Header{"Www-Authenticate": {`not "` + password + `"`}}}}, []string{password})
	if got := r.Response.Header[0].Value; strings.Contains(got, password) {
		t.Errorf("%q", got)
	}
}
