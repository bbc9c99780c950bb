package command_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/secret"
)

// documents are the types of what is configured.
func documents() map[manifest.Kind]reflect.Type {
	return map[manifest.Kind]reflect.Type{
		manifest.Owner:        reflect.TypeFor[owner.Owner](),
		manifest.ContactType:  reflect.TypeFor[account.ContactType](),
		manifest.Account:      reflect.TypeFor[account.Account](),
		manifest.Contact:      reflect.TypeFor[account.ContactDocument](),
		manifest.SMTPSettings: reflect.TypeFor[smtp.Document](),
		manifest.CannedEmail:  reflect.TypeFor[email.Spec](),
		manifest.Endpoint:     reflect.TypeFor[endpoint.Document](),
		manifest.Subscription: reflect.TypeFor[subscription.Spec](),
		manifest.Queue:        reflect.TypeFor[queue.Spec](),
	}
}

// covers fails for a field or a setting that is a secret and has no canary of
// its name.
func (n nest) covers(t *testing.T) {
	t.Helper()
	types := documents()
	var wanted []string
	for _, kind := range manifest.Kinds() {
		typ, ok := types[kind]
		if !ok {
			t.Errorf("it is not known what a %s looks like", kind)
			continue
		}
		wanted = append(wanted, secretFields(string(kind), typ)...)
	}
	for _, s := range allinone.Settings() {
		if s.Secret {
			wanted = append(wanted, s.Name)
		}
	}
	if !slices.Contains(wanted, "endpoint/headers/value") || !slices.Contains(wanted, "SECRET_KEY") {
		t.Errorf("secrets are not found: %v", wanted)
	}
	for _, name := range wanted {
		if len(n[name]) < 16 {
			t.Errorf("%s is a secret without a canary", name)
		}
	}
}

// secretFields are the places of secrets in a type, below a place.
func secretFields(at string, typ reflect.Type) []string {
	switch {
	case typ == reflect.TypeFor[secret.Text]():
		return []string{at}
	case typ.Kind() == reflect.Pointer, typ.Kind() == reflect.Slice, typ.Kind() == reflect.Map:
		return secretFields(at, typ.Elem())
	case typ.Kind() != reflect.Struct:
		return nil
	}
	var out []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		below := at
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			below += "/" + name
		}
		out = append(out, secretFields(below, f.Type)...)
	}
	return out
}

// forms are the ways in which a secret may be written: plain, in hexadecimal, as
// in a URL, as base64 wherever in what is encoded it stands, and as the bytes
// that it is base64 of.
func forms(canary string) [][]byte {
	bare := strings.TrimPrefix(canary, "whsec_")
	out := []string{bare, hex.EncodeToString([]byte(bare)), strings.ToUpper(hex.EncodeToString([]byte(bare))), url.QueryEscape(bare), url.PathEscape(bare)}
	for shift, skip := range []int{0, 2, 3} {
		shifted := append(make([]byte, shift), bare...)
		whole := len(shifted) * 8 / 6
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			out = append(out, e.EncodeToString(shifted)[skip:whole])
		}
	}
	if raw, err := base64.StdEncoding.DecodeString(bare); err == nil {
		out = append(out, string(raw))
	}
	slices.Sort(out)
	forms := make([][]byte, 0, len(out))
	for _, form := range slices.Compact(out) {
		forms = append(forms, []byte(form))
	}
	return forms
}

func TestACanaryIsFoundInEveryForm(t *testing.T) {
	const canary = "canary/of+a key~"
	n := nest{"canary": canary}
	for name, text := range map[string]string{
		"plain": canary, "hexadecimal": hex.EncodeToString([]byte(canary)), "query": url.QueryEscape(canary), "path": url.PathEscape(canary),
		"basic auth": base64.StdEncoding.EncodeToString([]byte("user:" + canary)), "auth plain": base64.StdEncoding.EncodeToString([]byte("\x00relay\x00" + canary)),
		"base64": base64.RawURLEncoding.EncodeToString([]byte(canary)), "shifted": base64.StdEncoding.EncodeToString([]byte("u:" + canary + "?!")),
	} {
		if found, _ := n.find([]byte("before " + text + " behind")); found != "canary" {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	if found, _ := n.find(bytes.Repeat([]byte("canary of "), 10)); found != "" {
		t.Error("found where it is not")
	}
}
