package post_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/secret"
)

// tokens gives one after another; the last for ever.
type tokens struct {
	list    []string
	err     error
	renewed []string
}

func (f *tokens) Token(context.Context) (secret.Text, error) { return secret.NewText(f.list[0]), f.err }

func (f *tokens) Renew(_ context.Context, refused secret.Text) (secret.Text, error) {
	f.renewed = append(f.renewed, refused.Reveal())
	if len(f.list) > 1 {
		f.list = f.list[1:]
	}
	return secret.NewText(f.list[0]), f.err
}

func proving(p post.Proof) post.Request {
	r := request("/")
	r.Proof = &p
	return r
}

func TestTheLinesOfAnEndpointTakeThePlaceOfThoseThatASubscriptionAdds(t *testing.T) {
	var got http.Header
	c, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	r := proving(post.Proof{Lines: [][2]string{{"X-Tenant", "endpoint"}, {"X-Key", "credential"}}})
	r.Added = [][2]string{{"x-tenant", "subscription"}, {"x-KEY", "planted"}, {"X-Other", "stays"}}
	if a := c.Post(t.Context(), r); a.Reason != "" {
		t.Fatalf("%+v", a)
	}
	for name, want := range map[string]string{"X-Tenant": "endpoint", "X-Key": "credential", "X-Other": "stays"} {
		if d := cmp.Diff([]string{want}, got.Values(name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestARefusedTokenIsRenewedOnceAndTheRequestRepeatedOnce(t *testing.T) {
	for _, row := range []struct {
		name     string
		list     []string
		accepted string
		want     []string // the tokens that were sent
		status   int
	}{
		{"the first is good", []string{"one"}, "one", []string{"one"}, 200},
		{"the second is good", []string{"one", "two"}, "two", []string{"one", "two"}, 200},
		{"none is good", []string{"one", "two", "three"}, "four", []string{"one", "two"}, 401},
		{"there is no other", []string{"one"}, "four", []string{"one"}, 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			var sent, bodies []string
			c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				sent, bodies = append(sent, token), append(bodies, r.Header.Get("webhook-signature")+string(body))
				if token != row.accepted {
					w.WriteHeader(401)
				}
			}))
			a := c.Post(t.Context(), proving(post.Proof{Tokens: &tokens{list: row.list}}))
			if d := cmp.Diff(row.want, sent); d != "" || a.Status != row.status {
				t.Errorf("%+v, %s", a, d)
			}
			if bodies[0] != bodies[len(bodies)-1] {
				t.Errorf("the repeat is another request: %q", bodies)
			}
		})
	}
}

func TestOtherRefusalsThan401LeaveTheTokenAlone(t *testing.T) {
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }))
	f := &tokens{list: []string{"one", "two"}}
	if a := c.Post(t.Context(), proving(post.Proof{Tokens: f})); a.Status != 403 || len(f.renewed) > 0 {
		t.Errorf("%+v, renewed %v", a, f.renewed)
	}
}

func TestWithoutATokenNoRequestIsMadeAndTheReasonSaysSo(t *testing.T) {
	asked := false
	c, _ := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	a := c.Post(t.Context(), proving(post.Proof{Tokens: &tokens{list: []string{""}, err: errors.New("the token server is shut")}}))
	if a.Reason != post.OAuthToken || a.Detail != "the token server is shut" || a.Status != 0 || asked {
		t.Errorf("%+v, receiver asked: %v", a, asked)
	}
}

func TestTheKeptAnswerShowsNothingOfWhatProvesTheSender(t *testing.T) {
	const filler = "................"
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.URL.Query().Get("fill")
		fmt.Fprintf(w, "%s%s %s %s", n, r.Header.Get("Authorization"), r.Header.Get("X-Secret"), strings.Repeat(filler, 512))
	}))
	p := post.Proof{
		Lines: [][2]string{{"X-Secret", "canary-line"}}, Tokens: &tokens{list: []string{"canary-token"}},
		Secrets: []string{"canary-line", "."},
	}
	for cut := range 60 {
		r := proving(p)
		u := *r.URL
		u.RawQuery = "fill=" + strings.Repeat("x", post.MaxKept-cut)
		r.URL = &u
		a := c.Post(t.Context(), r)
		if strings.Contains(a.Body, "canary") || !strings.Contains(a.Body, "xBearer") && cut > 10 || len(a.Body) > post.MaxKept {
			t.Fatalf("with room for %d: …%q of %d", cut, a.Body[len(a.Body)-cut:], len(a.Body))
		}
	}
	a := c.Post(t.Context(), proving(p))
	if !strings.HasPrefix(a.Body, "Bearer [secret] [secret] ....") {
		t.Errorf("%.60q", a.Body)
	}
}
