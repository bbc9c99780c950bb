package endpoint_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/shared/secret"
)

func open(name, value string) endpoint.Header {
	return endpoint.Header{Name: name, Value: secret.NewText(value)}
}

func TestHeadersHaveNamesOfTheirOwnAndValuesOfOneLine(t *testing.T) {
	many := func(n int) (out []endpoint.Header) {
		for i := range n {
			out = append(out, open(fmt.Sprint("X-", i), "v"))
		}
		return out
	}
	for _, row := range []struct {
		name          string
		headers       []endpoint.Header
		pointer, rule string // of the first problem, "" when legal
	}{
		{"two", []endpoint.Header{open("X-A", "1"), open("X-B", "2")}, "", ""},
		{"a secret that is kept", []endpoint.Header{{Name: "X-A", Secret: true}}, "", ""},
		{"as many as there may be", many(20), "", ""},
		{"one more", many(21), "/headers", "list.length"},
		{"as much as there may be", []endpoint.Header{open("X-A", strings.Repeat("a", 4096-3))}, "", ""},
		{"one byte more", []endpoint.Header{open("X-A", strings.Repeat("a", 4096-2))}, "/headers", "header.length"},
		{"bytes, not letters", []endpoint.Header{open("X-A", strings.Repeat("é", 2050))}, "/headers", "header.length"},
		{"the same in another case", []endpoint.Header{open("X-A", "1"), open("x-a", "2")}, "/headers/1/name", "header.duplicate"},
		{"that of auth", []endpoint.Header{open("x-key", "1")}, "/headers/0/name", "header.duplicate"},
		{"the signature", []endpoint.Header{open("Webhook-Signature", "1")}, "/headers/0/name", "header.reserved"},
		{"the credential", []endpoint.Header{open("authorization", "1")}, "/headers/0/name", "header.reserved"},
		{"the host", []endpoint.Header{open("Host", "1")}, "/headers/0/name", "header.reserved"},
		{"the framing", []endpoint.Header{open("Transfer-Encoding", "chunked")}, "/headers/0/name", "header.reserved"},
		{"a name of two", []endpoint.Header{open("X A", "1")}, "/headers/0/name", "header.name"},
		{"no name", []endpoint.Header{open("", "1")}, "/headers/0/name", "header.name"},
		{"no value", []endpoint.Header{open("X-A", "")}, "/headers/0/value", "text.required"},
		{"a value of two lines", []endpoint.Header{open("X-A", "1\r\nX-B: 2")}, "/headers/0/value", "text.control"},
		{"white space at the end", []endpoint.Header{open("X-A", "1 ")}, "/headers/0/value", "header.value"},
		{"a secret of two lines", []endpoint.Header{{Name: "X-A", Value: secret.NewText("1\n2"), Secret: true}}, "/headers/0/value", "text.control"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := endpoint.Spec{
				ID: "a", Name: "A", URL: "https://hooks.example.com/", Headers: row.headers,
				Auth: &endpoint.Auth{Scheme: endpoint.APIKey, Header: "X-Key"},
			}
			p := s.Check()
			if row.rule == "" && len(p) > 0 || row.rule != "" && (len(p) == 0 || p[0].Pointer != row.pointer || p[0].Rule != row.rule) {
				t.Errorf("problems = %v, want %s %s", p, row.pointer, row.rule)
			}
		})
	}
}

func TestAReadingOfAnEndpointShowsOpenHeadersInTheirOrderAndNoSecretOnes(t *testing.T) {
	s := endpoint.Spec{Headers: []endpoint.Header{
		open("X-Z", "open"), {Name: "X-Secret", Value: secret.NewText("canary"), Secret: true}, open("X-A", "too"),
	}}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `"headers":[{"name":"X-Z","value":"open"},{"name":"X-Secret","secret":true},{"name":"X-A","value":"too"}]`
	if !strings.Contains(string(b), want) || strings.Contains(string(b)+fmt.Sprintf("%+v %#v", s, s), "canary") {
		t.Errorf("%s\n%+v", b, s)
	}
	var back endpoint.Spec
	if err := json.Unmarshal(b, &back); err != nil || back.Headers[0].Value.Reveal() != "open" || !back.Headers[1].Value.Empty() {
		t.Errorf("read back as %v, %v", back.Headers, err)
	}
}
