// Package series delivers the events of ONE subscription in order, straight
// from EVENTS, by the holder of the subscription's slot. Nothing is copied for
// it, and the outcome is the checkpoint: every outcome is written inside a
// fence and carries the position behind it.
//
//	claim (a fenced note: epoch + 1) ─▶ position ─▶ read ahead ─▶ lanes ─▶ attempt ─▶ outcome + position, fenced
//	        ▲                                           ▲            │                         │
//	        │                                           │            └── next head ◀── stored ─┘
//	        └── newest message inside the fence         └── again, from the lane's own first unfinished event
//
// The subscription is one lane, or a lane per account. A lane has one request
// under way at most, and its next one is not begun before the outcome of the
// last is stored: so a crash, a lost lease or a lost answer repeats at most one
// request per lane. It refuses to make attempts, which is the channel's, and to
// say who holds a slot, which is the lease's: the fence makes it safe where two
// believe they do.
package series

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Key names a subscription.
type Key struct {
	Channel             delivery.Channel
	Owner, Subscription string
}

// Slot is the number of the slot whose holder delivers the subscription, from
// 0 to [topology.Slots] - 1. It never changes.
func (k Key) Slot() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.Owner + "\x00" + k.Subscription)) // never fails
	return int(h.Sum32() % topology.Slots)
}

// name is the key of the series in the bucket series, and of its gaps.
func (k Key) name() string {
	return subject.Series{Channel: k.Channel, Slot: k.Slot(), Owner: k.Owner, Subscription: k.Subscription}.Key()
}

// Defaults of [Limits].
const (
	DefaultWindow   = 512
	DefaultParallel = 16
	DefaultBlocked  = 256
	DefaultLinger   = time.Second
	DefaultTurn     = time.Second
	DefaultBlock    = time.Hour
)

// Limits bound one series. A zero means the default.
type Limits struct {
	// Window is the greatest number of events held in memory: under way, or
	// read ahead and waiting for their lane.
	Window int
	// Parallel is the greatest number of lanes with a request under way.
	Parallel int
	// Blocked is the number of lanes that may lag behind the others, waiting
	// for a retry; when it is reached the others wait too. Each outcome carries
	// the position with all of them, about 100 bytes a lane.
	Blocked int
	// Linger is how long a series that has caught up waits for more before
	// Run returns.
	Linger time.Duration
	// Turn is how long Run goes on while others wait for its place.
	Turn time.Duration
	// Block is the pause under [Block] where the deliverer gives none.
	Block time.Duration
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&l.Window, DefaultWindow)
	set(&l.Parallel, DefaultParallel)
	set(&l.Blocked, DefaultBlocked)
	last := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	last(&l.Linger, DefaultLinger)
	last(&l.Turn, DefaultTurn)
	last(&l.Block, DefaultBlock)
	return l
}

// Config says whose series it is and what is known of it at first.
type Config struct {
	Key
	Plan    Plan
	Control Control
	Limits  Limits
	// Holder names this instance, for people.
	Holder string
}

// Deps are what a series is given.
type Deps struct {
	JS        jetstream.JetStream
	Deliverer Deliverer
	Desk      *settle.Desk
	Log       zerolog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Fault is called with the name of each fault point passed; nil in
	// production.
	Fault func(point string)
	// OnGivenUp is called for a delivery whose schedule is used up, where the
	// policy [Park] parked it (its result says so) or [Pause] stopped the series
	// with it. It is called after that is stored, so after a crash perhaps
	// never; may be nil. It must not block.
	OnGivenUp func(*delivery.Outcome)
}

// Names of the fault points.
const (
	// FaultAttempted: the receiver has answered, nothing is stored.
	FaultAttempted = "series-attempted"
	// FaultKept: what a retry needs, or what is parked, is stored; the
	// outcome is not.
	FaultKept = "series-kept"
	// FaultRecorded: the outcome is stored.
	FaultRecorded = "series-recorded"
	// FaultNoted: a claim or an applied control is stored.
	FaultNoted = "series-noted"
)

// Series delivers one subscription. Between two calls of Run it keeps its
// epoch, so it must be dropped when the slot was lost in between.
type Series struct {
	cfg    Config
	deps   Deps
	log    zerolog.Logger
	ground ground
	told   told
	nudged chan struct{}
	// session is what was claimed; nil before, and after an error. It belongs
	// to the goroutine of Run.
	session *session
}

// told is what others said last.
type told struct {
	mu      sync.Mutex
	plan    Plan
	changed bool
	control Control
	stop    bool
	crowded bool
}

// New returns a series that does nothing until [Series.Run].
func New(cfg Config, deps Deps) *Series {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	return build(cfg, deps, onNATS(cfg, deps))
}

func build(cfg Config, deps Deps, g ground) *Series {
	cfg.Limits = cfg.Limits.withDefaults()
	if deps.Now == nil {
		deps.Now = time.Now
	}
	return &Series{
		cfg: cfg, deps: deps, ground: g, nudged: make(chan struct{}, 1),
		told: told{plan: cfg.Plan, control: cfg.Control},
		log:  deps.Log.With().Str("owner", cfg.Owner).Str("subscription", cfg.Subscription).Logger(),
	}
}

// Run delivers until there is nothing to do for longer than Limits.Linger, and
// says so. It belongs to one goroutine at a time and may be called again.
//
// Errors: of kind Conflict ([fence.ErrFenced]) when another holder took over;
// Unavailable when the broker is away for longer than it is worth waiting; the
// cause of ctx's end: what was under way then is given up, and comes again.
// After any error the next Run takes over anew.
func (s *Series) Run(ctx context.Context) (Rest, error) {
	if s.session == nil {
		session, err := s.takeOver(ctx)
		if err != nil {
			return Rest{}, err
		}
		s.session = session
	}
	rest, err := s.session.run(ctx)
	if err != nil {
		s.session = nil
	}
	return rest, err
}

// SetControl tells the series the newest controls. Any goroutine may call it.
func (s *Series) SetControl(c Control) { s.tell(func(t *told) { t.control = c }) }

// SetPlan tells the series a change of its configuration. What is under way is
// finished under the plan before. Any goroutine may call it.
func (s *Series) SetPlan(p Plan) { s.tell(func(t *told) { t.plan, t.changed = p, true }) }

// Stop has Run return, now and later, once what is under way has ended and is
// on record. Any goroutine may call it.
func (s *Series) Stop() { s.tell(func(t *told) { t.stop = true }) }

// SetCrowded tells the series whether others wait for its place. Then Run does
// not linger, and returns after Limits.Turn, once what is under way has ended
// and is on record. Any goroutine may call it.
func (s *Series) SetCrowded(crowded bool) { s.tell(func(t *told) { t.crowded = crowded }) }

func (s *Series) tell(change func(*told)) {
	s.told.mu.Lock()
	change(&s.told)
	s.told.mu.Unlock()
	select {
	case s.nudged <- struct{}{}:
	default:
	}
}

// newest returns the plan as it is now.
func (s *Series) newest() Plan {
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	s.told.changed = false
	return s.told.plan
}

func (s *Series) fault(point string) {
	if s.deps.Fault != nil {
		s.deps.Fault(point)
	}
}
