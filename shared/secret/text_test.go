package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/secret"
)

const canary = "canary-7f3a"

type holder struct {
	Public secret.Text
	hidden secret.Text
}

func TestNoPrintingRevealsAText(t *testing.T) {
	text := secret.NewText(canary)
	h := holder{Public: text, hidden: text}
	pointer := &h
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v", "%10.3s"} {
		for _, v := range []any{text, &text, h, pointer, []secret.Text{text}, map[string]secret.Text{"k": text}} {
			got := fmt.Sprintf(strings.Replace(verb, "%T ", "", 1), v)
			if leaks(got) {
				t.Errorf("Sprintf(%q, %T) reveals: %s", verb, v, got)
			}
		}
	}
	if got := fmt.Sprint(text); got != secret.Mask {
		t.Errorf("Sprint = %q, want %q", got, secret.Mask)
	}
}

func TestNoEncodingRevealsAText(t *testing.T) {
	h := holder{Public: secret.NewText(canary), hidden: secret.NewText(canary)}
	j, err := json.Marshal(h)
	if err != nil || leaks(string(j)) || !strings.Contains(string(j), secret.Mask) {
		t.Errorf("json: %s, %v", j, err)
	}
	x, err := xml.Marshal(h)
	if err != nil || leaks(string(x)) {
		t.Errorf("xml: %s, %v", x, err)
	}
	keyed, err := json.Marshal(map[string]any{"a": h, "b": &h.Public})
	if err != nil || leaks(string(keyed)) {
		t.Errorf("json in any: %s, %v", keyed, err)
	}
}

func TestNoLogRevealsAText(t *testing.T) {
	text := secret.NewText(canary)
	h := holder{Public: text, hidden: text}
	var b bytes.Buffer
	z := zerolog.New(&b)
	z.Info().Interface("h", h).Any("t", text).Stringer("s", text).Fields(map[string]any{"f": text, "h": h}).Msgf("%v", h)
	s := slog.New(slog.NewJSONHandler(&b, nil))
	s.Info("x", "t", text, "h", h)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "t", text, "h", h)
	if leaks(b.String()) {
		t.Errorf("log reveals: %s", b.String())
	}
}

func leaks(s string) bool {
	hexed := fmt.Sprintf("%x", canary)
	return strings.Contains(s, canary) || strings.Contains(strings.ToLower(s), hexed)
}

func TestATextIsReadAsItStands(t *testing.T) {
	var h struct{ Password secret.Text }
	if err := json.Unmarshal([]byte(`{"Password":" p ä\n"}`), &h); err != nil {
		t.Fatal(err)
	}
	if got := h.Password.Reveal(); got != " p ä\n" {
		t.Errorf("Reveal = %q", got)
	}
}

func TestTheMaskIsNobodysSecret(t *testing.T) {
	var text secret.Text
	if err := json.Unmarshal([]byte(`"[secret]"`), &text); err == nil {
		t.Error("the mask was taken for a secret")
	}
}

func TestTextsAreEqualByWhatTheyHold(t *testing.T) {
	a, b := secret.NewText("x"), secret.NewText("x")
	if !a.Equal(b) || a.Equal(secret.NewText("y")) || !reflect.DeepEqual(a, b) {
		t.Error("equality does not follow the text")
	}
	if !(secret.Text{}).Empty() || !secret.NewText("").Empty() || a.Empty() {
		t.Error("Empty does not follow the text")
	}
}

// TestNoPanicRevealsAText lets a process die of a panic with all its
// goroutines' stacks.
func TestNoPanicRevealsAText(t *testing.T) {
	if os.Getenv("PANIC_WITH_A_SECRET") != "" {
		k, err := secret.ParseKey(strings.Repeat("c2VjcmV0", 5) + "c2U=")
		if err != nil {
			t.Fatal(err)
		}
		text := secret.NewText(canary)
		go panicking(&holder{Public: text, hidden: text}, k, text)
		select {}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoPanicRevealsAText$")
	cmd.Env = append(os.Environ(), "PANIC_WITH_A_SECRET=1", "GOTRACEBACK=all")
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("panicking")) {
		t.Fatalf("it did not die: %v\n%s", err, out)
	}
	if leaks(string(out)) || bytes.Contains(out, []byte("secretsecret")) || bytes.Contains(out, []byte("c2VjcmV0c2VjcmV0")) {
		t.Errorf("the panic reveals: %s", out)
	}
}

// panicking dies with everything that it was given.
func panicking(h *holder, k secret.Key, text secret.Text) {
	defer func() { panic(fmt.Errorf("again: %v %+v %v %v", recover(), h, k, text)) }()
	panic(text)
}
