package gate

import (
	"strconv"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/streams/notice"
)

// move is a change that was stored.
type move struct {
	from, to breaker.State
	revision uint64
	cause    string
}

// kind is what is to be told of a move; empty for nothing. What its owner does
// to an endpoint, the owner knows.
func (m *move) kind() notice.Kind {
	switch {
	case m.to.Phase == m.from.Phase:
		return ""
	case m.to.Phase == breaker.Disabled && m.to.Reason != breaker.ByOwner:
		return notice.EndpointDisabled
	case m.to.Phase == breaker.Open && m.from.Phase != breaker.Disabled:
		return notice.EndpointThrottled
	case m.to.Phase == breaker.Recovering && m.from.Phase == breaker.Open:
		return notice.EndpointRecovered
	default:
		return ""
	}
}

// tell logs a move and tells the owner of it. The number of the stored state is
// the happening: the same for all who tell.
func (g *Gate) tell(key Key, m move) {
	if m.from.Phase == m.to.Phase {
		return
	}
	g.Log.Info().Str("owner", key.Owner).Str("endpoint", key.Endpoint).Str("was", string(m.from.Phase)).
		Str("is", string(m.to.Phase)).Str("reason", m.to.Reason).Time("probe", m.to.Probe).Msg("state of endpoint changed")
	if kind := m.kind(); kind != "" {
		g.Notices.Raise(notice.Notice{
			Kind: kind, Owner: key.Owner, Thing: key.Endpoint, Reason: m.to.Reason,
			Happening: strconv.FormatUint(m.revision, 10), Cause: m.cause,
		})
	}
}
