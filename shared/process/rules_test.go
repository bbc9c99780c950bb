package process_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
)

func TestARuleRefusesTheFirstValueThatBreaksIt(t *testing.T) {
	for rule, c := range map[string]struct {
		kept, broken fault.Problems
		detail       string
	}{
		"positive number":   {process.Positive("X", 1), process.Positive("X", 0), "must be greater than 0"},
		"positive duration": {process.Positive("X", time.Nanosecond), process.Positive("X", time.Duration(0)), "must be greater than 0"},
		"least duration":    {process.AtLeast("X", time.Second, time.Second), process.AtLeast("X", time.Second-1, time.Second), "is below 1s"},
		"least number":      {process.AtLeast("X", 3, 3), process.AtLeast("X", 2, 3), "is below 3"},
		"some of a list":    {process.OneOf("X", "b", "a", "b", "c"), process.OneOf("X", "d", "a", "b", "c"), "must be a, b or c"},
		"address":           {process.Addr("X", ":0"), process.Addr("X", ""), "must be a host and a port, such as 127.0.0.1:8484"},
		"address or none":   {process.AddrOrNone("X", ""), process.AddrOrNone("X", "a:65536"), "must be a host and a port, such as 127.0.0.1:8484"},
		"own condition":     {process.RefuseIf(false, "X", "is odd"), process.RefuseIf(true, "X", "is odd"), "is odd"},
		"own error":         {process.RefuseFor(nil, "X"), process.RefuseFor(errors.New("is odd"), "X"), "is odd"},
	} {
		if c.kept != nil {
			t.Errorf("%s: refused what keeps to it: %v", rule, c.kept)
		}
		if d := cmp.Diff(fault.Problems{{Pointer: "/X", Rule: "setting.refused", Detail: c.detail}}, c.broken); d != "" {
			t.Errorf("%s: %s", rule, d)
		}
	}
}
