package oauth_test

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/webhook-sender/internal/oauth"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tokenURL = "https://example.com/token"
	canary   = "canary of the client's secret"
)

// serve starts a token server and returns a client that reaches it.
func serve(t testing.TB, h http.HandlerFunc) *oauth.Client {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // only then the server sees a hang-up
		h(w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return client(t, &guard.Policy{Hosts: map[string]string{"example.com": srv.Listener.Addr().String()}}, roots)
}

func client(t testing.TB, p *guard.Policy, roots *x509.CertPool) *oauth.Client {
	t.Helper()
	c := post.New(post.Settings{
		Limits:      post.Limits{Handshake: time.Second, Headers: 300 * time.Millisecond, Total: time.Second},
		Connections: 8, Roots: roots, Dial: p.DialContext, Now: time.Now,
	})
	t.Cleanup(c.Close)
	return oauth.New(oauth.Settings{Transport: c.Transport(), Now: time.Now})
}

func grant() oauth.Grant {
	return oauth.Grant{TokenURL: tokenURL, ClientID: "billing", Secret: secret.NewText(canary)}
}

func say(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, text)
}

func TestAskingNamesTheGrantTheClientTheScopeAndTheAudience(t *testing.T) {
	var form url.Values
	var user, password, accept string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		form, accept = r.PostForm, r.Method+" "+r.URL.Path+" "+r.Header.Get("Accept")
		user, password, _ = r.BasicAuth()
		say(w, "application/json", `{"access_token":"tok","token_type":"bearer","expires_in":3600}`)
	})
	g := grant()
	g.Scope, g.Audience = "write  read", "https://api.example.com"
	got, err := c.Source(g).Token(t.Context())
	if err != nil || got.Reveal() != "tok" || accept != "POST /token application/json" {
		t.Fatalf("%v, asked by %s", err, accept)
	}
	want := url.Values{"grant_type": {"client_credentials"}, "scope": {"write read"}, "audience": {g.Audience}}
	// RFC 6749 section 2.3.1: both are encoded as in a form first.
	if d := cmp.Diff(want, form); d != "" || user != "billing" || password != url.QueryEscape(canary) {
		t.Errorf("%s, user %q", d, user)
	}
	g.InBody, g.Scope, g.Audience = true, "", ""
	if _, err := c.Source(g).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	want = url.Values{"grant_type": {"client_credentials"}, "client_id": {"billing"}, "client_secret": {canary}}
	if d := cmp.Diff(want, form); d != "" || user != "" {
		t.Errorf("%s, user %q", d, user)
	}
}

// js answers with JSON, status with a status and JSON.
func js(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { say(w, "application/json", text) }
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://example.com/elsewhere")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

func TestHostileTokenServersEndInTimeAndSayNothingOfTheirs(t *testing.T) {
	asked := 0
	for _, row := range []struct {
		name   string
		server http.HandlerFunc
		want   string // of the failure
	}{
		{"stalls", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, "no answer in time"},
		{"stalls in the body", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"access`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "no answer in time"},
		{"never ends", func(w http.ResponseWriter, r *http.Request) {
			block := strings.Repeat(" ", 8<<10)
			for {
				if _, err := io.WriteString(w, block); err != nil {
					return
				}
			}
		}, "more than 64 KiB"},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed before an answer"},
		{"redirects", func(w http.ResponseWriter, r *http.Request) { asked++; status(307, "")(w, r) }, "answered 307; redirects"},
		{"switches protocols", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}, "answered 101"},
		{"refuses", status(401, `{"error":"invalid_client","error_description":"`+canary+`"}`), "answered 401, invalid_client"},
		{"repeats the secret", status(400, `{"error":"`+canary+`"}`), "answered 400"},
		{"repeats the secret in plain text", status(500, canary), "answered 500"},
		{"refuses with 200", js(`{"error":"invalid_scope"}`), "answered 200, invalid_scope"},
		{"no JSON", js(canary), "no token that can be read"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { say(w, "text/html", "<h1>"+canary) }, "no token that can be read"},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			say(w, "application/json", "\x1f\x8b\x08 no bomb")
		}, "no token that can be read"},
		{"no token", js(`{"token_type":"bearer"}`), "no token that can be read"},
		{"a token of another kind", js(`{"access_token":1}`), "no token that can be read"},
		{"a huge token", js(`{"access_token":"` + strings.Repeat("a", 8<<10+1) + `"}`), "more than 8 KiB"},
		{"a second header line", js(`{"access_token":"a\r\nHost: evil.example.com"}`), "no header may hold"},
		{"a control character", js(`{"access_token":"a\u0000b"}`), "no header may hold"},
		{"a space", js(`{"access_token":"a b"}`), "no header may hold"},
		{"beyond ASCII", js(`{"access_token":"é"}`), "no header may hold"},
		{"line ends in a form", func(w http.ResponseWriter, _ *http.Request) {
			say(w, "application/x-www-form-urlencoded", "access_token=a%0d%0ab")
		}, "no header may hold"},
		{"another type", js(`{"access_token":"a","token_type":"mac"}`), "another type than bearer"},
		{"an end that is no number", js(`{"access_token":"a","expires_in":"soon"}`), "no token that can be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			got, err := serve(t, row.server).Source(grant()).Token(ctx)
			if err == nil || !strings.Contains(err.Error(), row.want) || !got.Empty() {
				t.Fatalf("got %q, %v, want %s", got.Reveal(), err, row.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("shows too much: %v", err)
			}
		})
	}
	if asked != 1 {
		t.Errorf("a redirect led to %d requests", asked)
	}
}

func TestATokenServerInsideIsRefusedWhenItIsDialled(t *testing.T) {
	conn := 0
	p := &guard.Policy{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		conn++
		return nil, io.ErrUnexpectedEOF
	}}, Ports: []uint16{443}}
	g := grant()
	// As after a change of what the name resolves to.
	g.TokenURL = "https://169.254.169.254/token"
	_, err := client(t, p, nil).Source(g).Token(t.Context())
	if err == nil || err.Error() != "the token server: address not allowed" || !strings.Contains(guard.Detail(err), "169.254") {
		t.Errorf("%v, for the operator %q, %d look-ups", err, guard.Detail(err), conn)
	}
}

// roundTrip is a transport in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(kind, body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}

// Whatever a token server says, what comes of it can be sent in a header, or the
// failure repeats nothing of it.
func FuzzAnswerOfATokenServer(f *testing.F) {
	f.Add("application/json", `{"access_token":"tok","token_type":"Bearer","expires_in":3600}`)
	f.Add("application/json", `{"access_token":"tok","expires_in":-9223372036854775808}`)
	f.Add("application/json", `{"access_token":"a\r\nb","expires_in":1e999}`)
	f.Add("application/x-www-form-urlencoded", "access_token=tok&expires_in=99999999999999999999")
	f.Add("text/plain", "access_token=%0a;")
	f.Fuzz(func(t *testing.T, kind, body string) {
		c := oauth.New(oauth.Settings{Now: time.Now, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(kind, body), nil
		})})
		token, err := c.Source(grant()).Token(t.Context())
		text := token.Reveal()
		if (err == nil) != (text != "") || len(text) > 8<<10 {
			t.Fatalf("token of %d bytes, %v", len(text), err)
		}
		for _, b := range []byte(text) {
			if b <= ' ' || b > '~' {
				t.Fatalf("token %q", text)
			}
		}
		if err != nil && len(err.Error()) > 100 {
			t.Fatalf("%v", err)
		}
	})
}
