package demo_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/shared/delivery"
)

func scenario(t *testing.T, lead time.Duration) demo.Scenario {
	t.Helper()
	s, err := demo.New(time.Now(), lead)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play runs a scenario to its end and returns what was printed.
func play(t *testing.T, s demo.Scenario, patience time.Duration) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{
		Out: &out, Exit: true, Patience: patience, Scenario: s, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
	})
	return out.String(), err
}

func TestEverythingArrives(t *testing.T) {
	s := scenario(t, 2*time.Second)
	if len(s.Events) != 14 {
		t.Errorf("a platform sends %d events, want 14", len(s.Events))
	}
	out, err := play(t, s, time.Minute)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := fmt.Sprintf("All %d arrived.", len(s.Expected)); !strings.Contains(out, want) {
		t.Errorf("does not say %q:\n%s", want, out)
	}
}

// without removes the subscription that leads to an arrival.
func without(t *testing.T, s demo.Scenario, a demo.Arrival) demo.Scenario {
	t.Helper()
	kind := map[delivery.Channel]string{delivery.Webhook: "hook", delivery.Email: "mail"}[a.Channel]
	id := "\nid: " + kind + "-" + strings.Replace(a.Type, ".", "-", 1) + "\n"
	var kept []string
	for doc := range strings.SplitSeq(s.Seed, "\n---\n") {
		if !strings.Contains(doc, id) {
			kept = append(kept, doc)
		}
	}
	short := strings.Join(kept, "\n---\n")
	if len(short) == len(s.Seed) {
		t.Errorf("the seed has no document with%s", id)
	}
	s.Seed = short
	return s
}

// abreast is how many demos run at a time: each is mostly waiting.
const abreast = 7

func TestWhateverDoesNotArriveIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("19 runs of the demo: run without -short")
	}
	var all sync.WaitGroup
	turns := make(chan struct{}, abreast)
	for _, a := range scenario(t, 0).Expected {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			s, err := demo.New(time.Now(), time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			out, err := play(t, without(t, s, a), 5*time.Second)
			if !errors.Is(err, demo.ErrIncomplete) {
				t.Errorf("%s of %s suppressed: %v", a.Channel, a.Type, err)
			}
			if !missing(out, a) {
				t.Errorf("%s of %s is not named as missing:\n%s", a.Channel, a.Type, out)
			}
		})
	}
	all.Wait()
}

// missing reports whether the table says that something did not arrive.
func missing(out string, a demo.Arrival) bool {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) > 2 && f[0] == a.Type && f[1] == string(a.Channel) && f[len(f)-1] == "MISSING" {
			return true
		}
	}
	return false
}

func TestWhatNobodyExpectedIsSeen(t *testing.T) {
	s := scenario(t, time.Second)
	for i, e := range s.Expected {
		if e.Type == "sim.dormant" {
			s.Expected = append(s.Expected[:i:i], s.Expected[i+1:]...)
			break
		}
	}
	out, err := play(t, s, time.Minute)
	if !errors.Is(err, demo.ErrIncomplete) || !strings.Contains(out, "STRANGE: webhook sim.dormant") {
		t.Errorf("%v\n%s", err, out)
	}
}
