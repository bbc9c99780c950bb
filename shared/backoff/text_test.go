package backoff_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
)

var (
	_ encoding.TextMarshaler   = backoff.Schedule{}
	_ encoding.TextUnmarshaler = (*backoff.Schedule)(nil)
)

func TestDurationsAreWrittenShort(t *testing.T) {
	s := backoff.Schedule{0, time.Second, time.Minute, time.Hour, 90 * time.Minute, 24 * time.Hour, 61 * time.Second,
		time.Hour + time.Second, 10 * time.Second, 10 * time.Minute, 1500 * time.Millisecond}
	if got, want := s.String(), "0s,1s,1m,1h,1h30m,24h,1m1s,1h0m1s,10s,10m,1.5s"; got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
}

func TestEveryFormReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := delays().Draw(t, "schedule")
		text, _ := s.MarshalText()
		list, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		yaml, _ := s.MarshalYAML()
		var a, b, c backoff.Schedule
		err = errors.Join(a.UnmarshalText(text), json.Unmarshal(list, &b), c.UnmarshalYAML(func(to any) error {
			*to.(*[]string) = yaml.([]string)
			return nil
		}))
		if err != nil || !slices.Equal(a, s) || !slices.Equal(b, s) || !slices.Equal(c, s) {
			t.Fatalf("%v gave %s, %s: %v, %v, %v, %v", s, text, list, a, b, c, err)
		}
	})
}

func TestWhatIsNoScheduleIsRefusedWithItsPlace(t *testing.T) {
	for _, row := range []struct{ doc, pointer string }{
		{`"5s"`, ""},
		{`5`, ""},
		{`{}`, ""},
		{`[5]`, ""},
		{`["0s", "5"]`, "/1"},
		{`["0s", "5 s"]`, "/1"},
		{`["", "5s"]`, "/0"},
		{`["1d"]`, "/0"},
		{`["9999999999h"]`, "/0"},
	} {
		s := backoff.Schedule{time.Hour}
		p := fault.ProblemsOf(json.Unmarshal([]byte(row.doc), &s))
		if len(p) != 1 || p[0].Pointer != row.pointer || p[0].Rule != "schedule.form" {
			t.Errorf("%s: %v", row.doc, p)
		}
		if len(s) != 1 {
			t.Errorf("%s: half of it was taken: %v", row.doc, s)
		}
	}
	var s backoff.Schedule
	if err := s.UnmarshalText(nil); err == nil {
		t.Error("the empty text was taken for a schedule")
	}
	if err := s.UnmarshalYAML(func(any) error { return errors.New("no list") }); err == nil {
		t.Error("what is no list in YAML was taken for a schedule")
	}
	if err := json.Unmarshal([]byte("null"), &s); err != nil || s != nil {
		t.Errorf("null: %v, %v", s, err)
	}
}

func TestSpacesAroundCommasAreAllowed(t *testing.T) {
	var s backoff.Schedule
	if err := s.UnmarshalText([]byte(" 0s, 5s ,5m")); err != nil || s.String() != "0s,5s,5m" {
		t.Errorf("got %v, %v", s, err)
	}
}

func FuzzUnmarshalText(f *testing.F) {
	for _, s := range []string{"0s,5s", "", ",", "1h30m", "-5s", "1e3s", "5m0s,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again backoff.Schedule
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || !slices.Equal(s, again) {
			t.Fatalf("%q gave %v, then %v, %v", text, s, again, err)
		}
	})
}
