package backoff

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// String returns the form of [Schedule.MarshalText].
func (s Schedule) String() string { return strings.Join(s.texts(), ",") }

// MarshalText writes "0s,5s,5m".
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads durations parted by commas, as in a setting. It checks
// their form, not the rules of [Schedule.Check].
func (s *Schedule) UnmarshalText(b []byte) error {
	return s.read(strings.Split(string(b), ","))
}

// MarshalJSON writes ["0s", "5s", "5m"].
func (s Schedule) MarshalJSON() ([]byte, error) { return json.Marshal(s.texts()) }

// UnmarshalJSON reads a list of durations; null leaves s as it is.
func (s *Schedule) UnmarshalJSON(b []byte) error {
	var texts []string
	if err := json.Unmarshal(b, &texts); err != nil {
		return fault.Problems{{Rule: "schedule.form", Detail: form}}
	}
	if texts == nil {
		return nil
	}
	return s.read(texts)
}

// MarshalYAML gives the list to YAML writers.
func (s Schedule) MarshalYAML() (any, error) { return s.texts(), nil }

// UnmarshalYAML reads a list of durations.
func (s *Schedule) UnmarshalYAML(unmarshal func(any) error) error {
	var texts []string
	if err := unmarshal(&texts); err != nil {
		return fault.Problems{{Rule: "schedule.form", Detail: form}}
	}
	return s.read(texts)
}

// read replaces s by what texts say, or returns all that is wrong with them.
func (s *Schedule) read(texts []string) error {
	var p fault.Problems
	out := make(Schedule, len(texts))
	for i, t := range texts {
		d, err := time.ParseDuration(strings.TrimSpace(t))
		if err != nil {
			p = append(p, fault.Problem{
				Pointer: fault.Pointer(strconv.Itoa(i)),
				Rule:    "schedule.form",
				Detail:  fmt.Sprintf("%.40q is no duration; write 5s, 5m or 2h", t),
			})
		}
		out[i] = d
	}
	if len(p) > 0 {
		return p
	}
	*s = out
	return nil
}

func (s Schedule) texts() []string {
	out := make([]string, len(s))
	for i, d := range s {
		out[i] = Format(d)
	}
	return out
}

// Format writes a duration as a schedule has it: without the zero parts that
// [time.Duration.String] leaves, 5m and not 5m0s.
func Format(d time.Duration) string {
	t := d.String()
	if strings.HasSuffix(t, "m0s") {
		t = strings.TrimSuffix(t, "0s")
	}
	if strings.HasSuffix(t, "h0m") {
		t = strings.TrimSuffix(t, "0m")
	}
	return t
}

const form = "must be a list of durations, such as [\"0s\", \"5s\", \"5m\"]"
