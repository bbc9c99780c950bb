package cursor

import (
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/fence"
)

// place is how far a reading has come.
type place struct {
	// Position is the sequence of the last message that is done.
	Position uint64 `json:"position"`
	// Source is the message after Position whose first Index outputs are
	// stored while the others are not; 0 when there is none.
	Source uint64 `json:"source,omitempty"`
	Index  int    `json:"index,omitempty"`
}

// behind is the place once the first index of a message's outputs are stored.
func behind(source uint64, index, of int) place {
	if index < of {
		return place{Position: source - 1, Source: source, Index: index}
	}
	return place{Position: source}
}

// Of what lags, the header [topology.HeaderLanes] of every output tells, since
// the newest output is where the next holder looks: first the place of the main
// reading, then of each key its own.
//
//	1207 acme=311 beta=290+2
//
// The number behind the plus sign is that of the outputs which are stored of the
// message after the position.

// String returns the place as the header has it.
func (p place) String() string {
	text := strconv.FormatUint(p.Position, 10)
	if p.Source != 0 {
		text += "+" + strconv.Itoa(p.Index)
	}
	return text
}

// parsePlace is the reverse of [place.String].
func parsePlace(text string) (place, error) {
	position, index, half := strings.Cut(text, "+")
	at, err := strconv.ParseUint(position, 10, 64)
	if err != nil || !half {
		return place{Position: at}, err
	}
	n, err := strconv.Atoi(index)
	return place{Position: at, Source: at + 1, Index: n}, err
}

// apart ends a key in the header.
const apart = "="

// nameable reports whether a key can be told in the header, and read there again
// by whoever comes next: keys are made of what strangers publish.
func nameable(key string) bool { return id.Valid(key) }

// parseLanes reads the header.
func parseLanes(header string) (main place, lanes map[string]place, err error) {
	fields := strings.Split(header, " ")
	if main, err = parsePlace(fields[0]); err != nil {
		return main, nil, err
	}
	lanes = make(map[string]place, len(fields)-1)
	for _, f := range fields[1:] {
		key, text, _ := strings.Cut(f, apart)
		if lanes[key], err = parsePlace(text); err != nil {
			return main, nil, err
		}
	}
	return main, lanes, nil
}

// resume returns where to go on, from the stored mark and the newest output.
// The newest output decides unless the mark was stored after it.
func resume(stored mark, newest fence.Newest) (mark, error) {
	m := stored
	m.Fence = newest.Seq
	if newest.Epoch == 0 || newest.Seq <= stored.Fence {
		return m, nil
	}
	if newest.Lanes == "" {
		m.place, m.Lanes = behind(newest.Source, newest.Index, newest.Of), nil
		return m, nil
	}
	var err error
	m.place, m.Lanes, err = parseLanes(newest.Lanes)
	return m, err
}
