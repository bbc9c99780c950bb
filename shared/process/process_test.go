package process_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/process"
)

// waiting is a Waiter that says what it is told.
type waiting []string

func (w waiting) Waiting() []string { return w }

func TestHealthTellsLiveFromReady(t *testing.T) {
	for _, row := range []struct {
		name, path string
		waiting    waiting
		status     int
		body       string
	}{
		{"live though waiting", "/livez", waiting{"matcher"}, 200, `{"live":true}`},
		{"ready", "/readyz", waiting{}, 200, `{"ready":true,"waiting":[]}`},
		{"waiting", "/readyz", waiting{"ingest", "matcher"}, 503, `{"ready":false,"waiting":["ingest","matcher"]}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			process.Health(row.waiting).ServeHTTP(w, httptest.NewRequest(http.MethodGet, row.path, nil))
			if w.Code != row.status || strings.TrimSpace(w.Body.String()) != row.body {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	w := httptest.NewRecorder()
	process.Health(waiting{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/livez", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// lines decodes a log of JSON lines as they are written.
func lines(t *testing.T, r io.Reader) func(message string) map[string]any {
	dec := json.NewDecoder(r)
	return func(message string) map[string]any {
		t.Helper()
		for {
			var line map[string]any
			if err := dec.Decode(&line); err != nil {
				t.Fatalf("no line %q: %v", message, err)
			}
			if line["message"] == message {
				return line
			}
		}
	}
}

func TestAProcessAnswersForItsMembersFromStartToEnd(t *testing.T) {
	log, w := io.Pipe()
	line := lines(t, log)
	p := process.New("probe", process.Settings{LogLevel: "debug", LogFormat: "json", HealthAddr: "127.0.0.1:0"}, w)
	var j journal
	m := j.member("matcher")
	m.lazy = true
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, process.Member{Name: "matcher", Service: m})
		_ = w.Close()
	}()
	address := line("health")["address"].(string)
	if got := get(t, "http://"+address+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("before it is ready: %d", got)
	}
	close(m.ready)
	line("ready")
	if got := get(t, "http://"+address+"/readyz"); got != http.StatusOK {
		t.Errorf("once it is ready: %d", got)
	}
	cancel()
	line("stopped")
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func get(t *testing.T, url string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestAnAddressThatCannotBeHadKeepsMembersFromStarting(t *testing.T) {
	p := process.New("probe", process.Settings{HealthAddr: "127.0.0.1:99999"}, io.Discard)
	var j journal
	err := p.Run(t.Context(), process.Member{Name: "a", Service: j.member("a")})
	if err == nil || len(j.read()) != 0 {
		t.Errorf("Run = %v; %v", err, j.read())
	}
}

func TestTheLogHasItsLevelFormAndName(t *testing.T) {
	var b strings.Builder
	p := process.New("probe", process.Settings{LogLevel: "warn", LogFormat: "json"}, &b)
	p.Log.Info().Msg("quiet")
	p.Log.Warn().Msg("loud")
	var line map[string]any
	if err := json.Unmarshal([]byte(b.String()), &line); err != nil {
		t.Fatalf("%s: %v", b.String(), err)
	}
	delete(line, "time")
	if diff := cmp.Diff(map[string]any{"level": "warn", "service": "probe", "message": "loud"}, line); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	process.New("probe", process.Settings{LogFormat: "text"}, &b).Log.Info().Msg("for people")
	if got := b.String(); strings.HasPrefix(got, "{") || strings.Contains(got, "\x1b") || !strings.Contains(got, "for people") {
		t.Errorf("text: %q", got)
	}
}
