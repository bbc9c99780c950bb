package unsubscribe_test

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

const base = "https://mail.example.com/unsubscribe"

var ada = unsubscribe.Reader{Owner: "acme", Address: "ada@example.com"}

// world is a desk with a list that is kept here, and a clock.
type world struct {
	*unsubscribe.Desk
	links *unsubscribe.Links
	list  []string
	fails error
	now   time.Time
}

func (w *world) Add(_ context.Context, owner string, e suppression.Entry) (bool, error) {
	if w.fails == nil {
		w.list = append(w.list, owner+" "+e.Address+" "+string(e.By))
	}
	return len(w.list) == 1, w.fails
}

func key(t testing.TB, fill byte) secret.Key {
	t.Helper()
	k, err := secret.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{fill}, secret.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func links(t testing.TB, base string, keys ...secret.Key) *unsubscribe.Links {
	t.Helper()
	s, err := secret.NewSealer(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return unsubscribe.NewLinks(s, base)
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{links: links(t, base, key(t, 1)), now: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)}
	w.Desk = unsubscribe.NewDesk(unsubscribe.Parts{
		Links: w.links, List: w, Log: zerolog.Nop(), Now: func() time.Time { return w.now },
		Name: func(owner string) string { return map[string]string{"acme": "Acme <Telecom>"}[owner] },
	})
	return w
}

// path is where the link of a reader leads.
func path(t testing.TB, l *unsubscribe.Links, r unsubscribe.Reader) string {
	t.Helper()
	link, err := l.For(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(link, "https://mail.example.com")
}

func (w *world) do(method, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

const (
	formType = "application/x-www-form-urlencoded"
	oneClick = "List-Unsubscribe=One-Click"
)

func TestOneClickPutsTheReaderOnTheList(t *testing.T) {
	w := open(t)
	at := path(t, w.links, ada)
	first, second := w.do(http.MethodPost, at, formType, oneClick), w.do(http.MethodPost, at, formType, oneClick)
	if first.Code != http.StatusOK || second.Code != first.Code || first.Body.String() != second.Body.String() {
		t.Errorf("answered %d and %d", first.Code, second.Code)
	}
	if len(w.list) != 2 || w.list[0] != "acme ada@example.com reader" || w.list[0] != w.list[1] {
		t.Errorf("list %q", w.list)
	}
	if !strings.Contains(first.Body.String(), "Acme &lt;Telecom&gt;") || len(first.Header()["Set-Cookie"]) > 0 {
		t.Errorf("answer %s", first.Body)
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	if err := errors.Join(parts.WriteField("List-Unsubscribe", "One-Click"), parts.Close()); err != nil {
		t.Fatal(err)
	}
	if w.do(http.MethodPost, at, parts.FormDataContentType(), b.String()).Code != http.StatusOK || len(w.list) != 3 {
		t.Error("a form in parts, which RFC 8058 prefers, is not understood")
	}
}

// Scanners of mail open every link.
func TestLookingAtALinkUnsubscribesNobody(t *testing.T) {
	w := open(t)
	at := path(t, w.links, ada)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if a := w.do(method, at, "", ""); a.Code != http.StatusOK || method == http.MethodGet &&
			(!strings.Contains(a.Body.String(), `<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>`) || strings.Contains(a.Body.String(), "ada")) {
			t.Errorf("%s: %d\n%s", method, a.Code, a.Body)
		}
	}
	for _, body := range []string{"", "List-Unsubscribe=No", strings.Repeat("x", 5000) + "&" + oneClick} {
		if a := w.do(http.MethodPost, at, formType, body); a.Code != http.StatusBadRequest {
			t.Errorf("posting %.20q: %d", body, a.Code)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		if a := w.do(method, at, formType, oneClick); a.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.Code)
		}
	}
	if len(w.list) > 0 {
		t.Errorf("unsubscribed %q", w.list)
	}
}

func TestEveryTokenThatIsNoneOfOursIsAnsweredTheSame(t *testing.T) {
	w := open(t)
	good := path(t, w.links, ada)
	elsewhere, err := secret.NewSealer(key(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	other, err := elsewhere.Seal(secret.Place{Bucket: "smtp", Key: "acme", Field: "password"}, secret.NewText("acme ada@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for _, at := range []string{
		"/unsubscribe/x", good[:len(good)-1], good + "A", strings.Replace(good, "sealed", "SEALED", 1),
		path(t, links(t, base, key(t, 2)), ada), "/unsubscribe/" + strings.Repeat("a", 2000),
		"/unsubscribe/" + strings.NewReplacer(":", "~", "+", "-", "/", "_").Replace(string(other)),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := w.do(method, at, formType, oneClick)
			answers[a.Body.String()] = true
			if a.Code != http.StatusNotFound {
				t.Errorf("%s %.60s: %d", method, at, a.Code)
			}
		}
	}
	if len(answers) != 1 || len(w.list) > 0 {
		t.Errorf("%d different answers, unsubscribed %q", len(answers), w.list)
	}
}

func TestALinkOutlivesTheKeyThatItWasMadeWithUntilThatIsDropped(t *testing.T) {
	older, newer := key(t, 1), key(t, 2)
	token := strings.TrimPrefix(path(t, links(t, base, older), ada), "/unsubscribe/")
	if got, ok := links(t, base, newer, older).Open(token); !ok || got != ada {
		t.Errorf("after a rotation: %+v, %v", got, ok)
	}
	if _, ok := links(t, base, newer).Open(token); ok {
		t.Error("opens without its key")
	}
}

func TestALinkNamesItsReaderToNobodyElse(t *testing.T) {
	l := links(t, base+"/", key(t, 1))
	rapid.Check(t, func(t *rapid.T) {
		r := unsubscribe.Reader{
			Owner:   rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "owner"),
			Address: rapid.StringMatching(`[a-z0-9.+_-]{1,64}@[a-z0-9.-]{1,180}`).Draw(t, "address"),
		}
		link, err := l.For(r)
		token, ok := strings.CutPrefix(link, base+"/")
		if err != nil || !ok || len(link) > 900 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~") != "" {
			t.Fatalf("%s, %v", link, err)
		}
		if got, ok := l.Open(token); !ok || got != r {
			t.Fatalf("opened as %+v", got)
		}
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		changed := token[:at] + rapid.StringMatching(`[A-Za-z0-9_~-]`).Draw(t, "char") + token[at+1:]
		if _, ok := l.Open(changed); ok != (changed == token) {
			t.Fatalf("%s opens", changed)
		}
	})
}

func TestOneLinkIsLimitedWithoutLimitingOthers(t *testing.T) {
	w := open(t)
	at := path(t, w.links, ada)
	var a *httptest.ResponseRecorder
	for range 11 {
		a = w.do(http.MethodPost, at, formType, oneClick)
	}
	if a.Code != http.StatusTooManyRequests || a.Header().Get("Retry-After") != "6" || len(w.list) != 10 {
		t.Errorf("%d, %q, %d writes", a.Code, a.Header(), len(w.list))
	}
	if a := w.do(http.MethodPost, path(t, w.links, unsubscribe.Reader{Owner: "acme", Address: "tom@example.com"}), formType, oneClick); a.Code != http.StatusOK {
		t.Errorf("another reader: %d", a.Code)
	}
	w.now = w.now.Add(6 * time.Second)
	if a := w.do(http.MethodPost, at, formType, oneClick); a.Code != http.StatusOK {
		t.Errorf("later: %d", a.Code)
	}
}

func TestNobodyIsToldToBeUnsubscribedWhoIsNot(t *testing.T) {
	w := open(t)
	w.fails = fault.New(fault.Unavailable, "write suppressions", "", nil)
	a := w.do(http.MethodPost, path(t, w.links, ada), formType, oneClick)
	if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" || strings.Contains(a.Body.String(), "unsubscribed") {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
}

func TestLinksLeadOnlyWhereTheOperatorSays(t *testing.T) {
	if _, err := links(t, "", key(t, 1)).For(ada); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "UNSUBSCRIBE_URL") {
		t.Errorf("without an address: %v", err)
	}
	for text, want := range map[string]bool{
		base: true, "https://example.com": true, "https://example.com:8443/a/": true,
		"": false, "http://example.com": false, "https://": false, "https://u@example.com": false, "https://example.com/?a=b": false,
		"https://example.com/#x": false, "https://example.com/a b": false, "https://example.com/<x>": false, "example.com": false,
		"https://example.com/" + strings.Repeat("a", 200): false, "https://example.com/\r\nBcc: x": false, "https://example.com?": false,
	} {
		if unsubscribe.CheckBase(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
