package apikey_test

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
)

var now = time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)

func TestAKeyMatchesItsTextAlone(t *testing.T) {
	_, text, err := apikey.Generate("acme", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := apikey.Generate("acme", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := apikey.Key{Hash: apikey.Hash(text)}
	if !k.Matches(text, now) || k.Matches(other, now) || k.Matches(secret.Text{}, now) || (&apikey.Key{}).Matches(secret.Text{}, now) {
		t.Error("matches what it should not, or not what it should")
	}
	k.ExpiresAt = now
	if k.Matches(text, now) || !k.Matches(text, now.Add(-1)) {
		t.Error("an expired key matches, or one not yet expired does not")
	}
	k.ExpiresAt, k.RevokedAt = time.Time{}, time.Unix(1, 0)
	if k.Matches(text, now) {
		t.Error("a revoked key matches")
	}
}

// TestATextSaysWhereItsKeyIs holds for every owner and all randomness, the
// underscores and hyphens of base64url included.
func TestATextSaysWhereItsKeyIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner := rapid.StringMatching(`[A-Za-z0-9_-]{0,64}`).Draw(t, "owner")
		raw := rapid.SliceOfN(rapid.Byte(), 40, 40).Draw(t, "raw")
		keyID, text, err := apikey.Generate(owner, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		k := apikey.Key{Owner: owner, ID: keyID}
		if place, ok := apikey.Find(text); !ok || place != k.Place() {
			t.Fatalf("found at %q, %v, is at %q", place, ok, k.Place())
		}
		if len(text.Reveal()) > 256 {
			t.Fatalf("%d bytes", len(text.Reveal()))
		}
	})
}

func TestKeysOfOperatorsAreKnownByTheirBeginning(t *testing.T) {
	for owner, begin := range map[string]string{"acme": "bhk_acme.", "": "bho_"} {
		keyID, text, err := apikey.Generate(owner, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(text.Reveal(), begin+keyID+"_"); !ok || len(rest) != 43 {
			t.Errorf("of %q: %s", owner, text.Reveal())
		}
	}
	if place := (&apikey.Key{ID: "k"}).Place(); place != id.Installation+".k" {
		t.Errorf("an operator's key is at %s", place)
	}
}

func TestTextsOfNoFormAreFoundNowhere(t *testing.T) {
	_, good, err := apikey.Generate("acme", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := good.Reveal()
	keyID := text[9:25]
	for name, bad := range map[string]string{
		"empty": "", "prefix": "bhk_", "no owner": strings.Replace(text, "acme.", ".", 1), "owner missing": strings.Replace(text, "acme.", "", 1),
		"operator's with an owner": "bho_" + text[4:], "an installation": strings.Replace(text, "acme", id.Installation, 1),
		"wildcard": strings.Replace(text, "acme", "*", 1), "two dots": strings.Replace(text, "acme.", "acme.x.", 1),
		"upper-case id": strings.Replace(text, keyID, strings.ToUpper("abcdef0123456789"), 1),
		"short id":      strings.Replace(text, keyID, keyID[2:], 1), "short": text[:len(text)-1], "long": text + "x",
	} {
		if place, ok := apikey.Find(secret.NewText(bad)); ok {
			t.Errorf("%s: found at %s", name, place)
		}
	}
}

func TestGenerateNeedsAllItsRandomness(t *testing.T) {
	if _, _, err := apikey.Generate("acme", bytes.NewReader(make([]byte, 39))); err == nil {
		t.Error("made a key of too little")
	}
}

func TestWhatAKeyMustBe(t *testing.T) {
	many := make([]string, apikey.MaxBound+1)
	for i := range many {
		many[i] = "e" + strconv.Itoa(i)
	}
	for name, row := range map[string]struct {
		key  apikey.Key
		want string // pointer and rule
	}{
		"viewer":                 {apikey.Key{Owner: "acme", Role: apikey.Viewer}, ""},
		"operator":               {apikey.Key{Role: apikey.Operator}, ""},
		"subscriber":             {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"crm"}}, ""},
		"a reader of queues":     {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Queues: []string{"erp"}}, ""},
		"of both":                {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"erp"}, Queues: []string{"erp"}}, ""},
		"expiring":               {apikey.Key{Owner: "acme", Role: apikey.Viewer, ExpiresAt: now.Add(1)}, ""},
		"no role":                {apikey.Key{Owner: "acme"}, "/role role.unknown"},
		"an owner's operator":    {apikey.Key{Owner: "acme", Role: apikey.Operator}, "/role role.unknown"},
		"nobody's admin":         {apikey.Key{Role: apikey.Admin}, "/role role.operator"},
		"bound to nothing":       {apikey.Key{Owner: "acme", Role: apikey.Subscriber}, "/endpoints field.required"},
		"bound without need":     {apikey.Key{Owner: "acme", Role: apikey.Admin, Endpoints: []string{"crm"}}, "/endpoints endpoints.role"},
		"bound to no id":         {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"a", "b.c"}}, "/endpoints/1 id.form"},
		"bound twice":            {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: []string{"a", "a"}}, "/endpoints/1 list.repeated"},
		"a queue without need":   {apikey.Key{Owner: "acme", Role: apikey.Viewer, Queues: []string{"erp"}}, "/queues queues.role"},
		"no id of a queue":       {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Queues: []string{"a", "b.c"}}, "/queues/1 id.form"},
		"a queue twice":          {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Queues: []string{"a", "a"}}, "/queues/1 list.repeated"},
		"too many queues":        {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Queues: many}, "/queues list.length"},
		"bound to too many":      {apikey.Key{Owner: "acme", Role: apikey.Subscriber, Endpoints: many}, "/endpoints list.length"},
		"expired from the first": {apikey.Key{Owner: "acme", Role: apikey.Viewer, ExpiresAt: now}, "/expires_at moment.past"},
		"a name of two lines":    {apikey.Key{Owner: "acme", Role: apikey.Viewer, Name: "a\nb"}, "/name text.control"},
	} {
		row.key.ID, row.key.CreatedAt = "0123456789abcdef", now
		got := ""
		if p := row.key.Check(); len(p) > 0 {
			got = p[0].Pointer + " " + p[0].Rule
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
