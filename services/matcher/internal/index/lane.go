package index

import (
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
)

// lane is the versions that want one event type.
type lane struct {
	open  []*candidate
	keyed []keyed
}

// keyed is the versions that want exact texts of one token.
type keyed struct {
	token  string
	byText map[string][]*candidate
}

// candidate is a version that may match.
type candidate struct {
	match Match
	// from and until are the version's range of sequences.
	from, until uint64
	wish        *subscription.Wish
}

func (l *lane) addKeyed(token string, texts []string, c *candidate) {
	for i := range l.keyed {
		if l.keyed[i].token == token {
			l.keyed[i].add(texts, c)
			return
		}
	}
	k := keyed{token: token, byText: map[string][]*candidate{}}
	k.add(texts, c)
	l.keyed = append(l.keyed, k)
}

func (k *keyed) add(texts []string, c *candidate) {
	for _, t := range texts {
		k.byText[t] = append(k.byText[t], c)
	}
}

func (l *lane) append(dst []Match, e *event.Event, seq uint64) []Match {
	dst = appendMatching(dst, l.open, e, seq)
	for i := range l.keyed {
		v := e.Data[l.keyed[i].token]
		if v.Kind() == event.String {
			dst = appendMatching(dst, l.keyed[i].byText[v.Text()], e, seq)
		}
	}
	return dst
}

func appendMatching(dst []Match, candidates []*candidate, e *event.Event, seq uint64) []Match {
	for _, c := range candidates {
		if c.wants(e, seq) {
			dst = append(dst, c.match)
		}
	}
	return dst
}

func (c *candidate) wants(e *event.Event, seq uint64) bool {
	return seq > c.from && seq <= c.until && c.wish.Matches(e)
}

// discriminator returns the token of a filter that is asked for the fewest
// texts, when there is a token that is asked for exact texts only. Texts are
// distinct: a version is kept once under each.
func discriminator(s filter.Spec) (token string, texts []string, ok bool) {
	for t, alternatives := range s {
		found, exact := exactTexts(alternatives)
		better := !ok || len(found) < len(texts) || len(found) == len(texts) && t < token
		if exact && better {
			token, texts, ok = t, found, true
		}
	}
	return token, distinct(texts), ok
}

func exactTexts(alternatives []filter.Alternative) (texts []string, ok bool) {
	for _, a := range alternatives {
		if a.Op != filter.Exact || len(a.Values) != 1 || a.Values[0].Kind() != event.String {
			return nil, false
		}
		texts = append(texts, a.Values[0].Text())
	}
	return texts, len(texts) > 0
}
