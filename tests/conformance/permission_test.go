// Package conformance holds the running product to its public tables: who may
// say what on NATS, and what is documented.
package conformance_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
)

// everybody are the users that are not the operator.
func everybody() []string {
	return append(permission.Services(), permission.PublisherUser("acme"))
}

// mayPublish says, by hand and apart from the table, who may publish where.
// Whoever is not named is denied.
var mayPublish = map[string][]string{
	"platform.acme.invoice.posted":                     {"publisher_acme"},
	"platform.other.invoice.posted":                    nil,
	"billhook.acme.invoice.delivery_date_plus":         {"ingest", "scheduler"},
	"billhook.acme.invoice.overdue":                    {"ingest", "scheduler"},
	"billhook.acme.sim.dormant":                        {"ingest", "scheduler"},
	"billhook.acme.endpoint.disabled":                  {"ingest", "webhook-sender"},
	"billhook.acme.endpoint.throttled":                 {"ingest", "webhook-sender"},
	"billhook.acme.endpoint.recovered":                 {"ingest", "webhook-sender"},
	"billhook.acme.subscription.paused":                {"ingest", "webhook-sender", "mailer"},
	"billhook.acme.delivery.parked":                    {"ingest", "webhook-sender", "mailer"},
	"billhook.acme.smtp_settings.paused":               {"ingest", "mailer"},
	"billhook.acme.event.rejected":                     {"ingest"},
	"billhook.acme.queue.overtaken":                    {"ingest", "queue"},
	"inbox.3.platform.acme.invoice.posted":             nil,
	"events.3.acme.invoice.posted":                     {"ingest"},
	"rejected.acme.unknown_type":                       {"ingest"},
	"deliveries.webhook.3.acme.s1":                     {"matcher"},
	"deliveries.email.3.acme.s1":                       {"matcher"},
	"outcomes.webhook.delivered.acme.s1":               {"webhook-sender"},
	"outcomes.email.delivered.acme.s1":                 {"mailer"},
	"retries.set.webhook.dlv_1":                        {"webhook-sender", "console"},
	"retries.set.email.dlv_1":                          {"mailer", "console"},
	"retries.kept.webhook.acme.s1.dlv_1":               {"webhook-sender"},
	"retries.kept.email.acme.s1.dlv_1":                 {"mailer"},
	"gaps.series.email.7.acme.s1":                      {"ingest", "matcher", "mailer", "scheduler"},
	"$O.documents_acme.C.x":                            {"publisher_acme"},
	"$O.documents_acme.M.x":                            {"publisher_acme"},
	"$O.documents_other.M.x":                           nil,
	"$DOCUMENTS.API.STREAM.INFO.OBJ_documents_acme":    {"publisher_acme"},
	"$DOCUMENTS.API.STREAM.INFO.OBJ_documents_other":   nil,
	"$DOCUMENTS.API.STREAM.INFO.EVENTS":                nil,
	"$DOCUMENTS.API.STREAM.PURGE.OBJ_documents_acme":   {"publisher_acme"},
	"$DOCUMENTS.API.STREAM.PURGE.OBJ_documents_other":  nil,
	"$DOCUMENTS.API.STREAM.PURGE.EVENTS":               nil,
	"$DOCUMENTS.API.DIRECT.GET.OBJ_documents_other.$O": nil,
	"$JS.API.STREAM.PURGE.OBJ_documents_acme":          nil,
	"$JS.API.STREAM.PURGE.OBJ_documents_other":         nil,
	"$JS.API.STREAM.MSG.GET.OBJ_documents_other":       nil,
	"$JS.API.STREAM.INFO.OBJ_documents_acme":           {"mailer", "console"},
	"$JS.API.DIRECT.GET.OBJ_documents_acme.$O.d.M.x":   {"mailer"},
	"$JS.API.DIRECT.GET.OBJ_documents_other.$O.d.M.x":  {"mailer"},
	"$JS.API.CONSUMER.CREATE.OBJ_documents_a.c.$O.d.C": {"mailer"},
	"$JS.API.CONSUMER.CREATE.INBOX.c.inbox.3.x":        {"ingest"},
	"gaps.series.webhook.7.acme.s1":                    {"ingest", "matcher", "webhook-sender", "scheduler"},
	"$KV.series.webhook.7.acme.s1":                     {"webhook-sender"},
	"$KV.series.email.7.acme.s1":                       {"mailer"},
	"$KV.suppressions.acme.h":                          {"mailer", "console"},
	"$JS.API.STREAM.MSG.GET.KV_suppressions":           {"mailer", "console"},
	"$JS.API.DIRECT.GET.KV_suppressions":               {"console"},
	"$JS.API.CONSUMER.CREATE.KV_suppressions":          nil,
	"$JS.API.STREAM.PURGE.KV_suppressions":             {"console"},
	"$JS.API.STREAM.PURGE.KV_accounts":                 {"console"},
	"$JS.API.STREAM.PURGE.KV_owners":                   nil,
	"$JS.API.STREAM.PURGE.KV_ledgers":                  nil,
	"retries.due.webhook.3.acme.s1":                    nil,
	"probes.ask.webhook":                               {"console"},
	"probes.ask.email":                                 {"console"},
	"probes.answer.webhook.abc":                        {"webhook-sender"},
	"probes.answer.email.abc":                          {"mailer"},
	"parked.webhook.acme.s1":                           {"webhook-sender"},
	"parked.email.acme.s1":                             {"mailer"},
	"schedules.set.3.1800000000":                       {"scheduler", "console"},
	"gaps.matcher.3":                                   {"ingest", "matcher", "scheduler"},
	"$KV.owners.acme":                                  {"console"},
	"$KV.accounts.acme.A-1":                            {"console"},
	"$KV.contact_types.acme":                           {"console"},
	"$KV.smtp.acme":                                    {"console"},
	"$KV.emails.acme.e1":                               {"console"},
	"$KV.endpoints.acme.e1":                            {"console"},
	"$KV.subscriptions.acme.s1":                        {"console"},
	"$KV.api_keys.acme.k1":                             {"console"},
	"$KV.controls.acme.s1":                             {"console"},
	"$JS.API.CONSUMER.CREATE.KV_controls.c":            {"webhook-sender", "mailer", "console"},
	"$KV.answers.acme.x":                               {"console"},
	"$KV.ledgers.acme":                                 {"console"},
	"$KV.endpoint_state.acme.e1":                       {"webhook-sender", "console"},
	"$KV.queue_state.acme.q1.i1":                       {"queue"},
	"$JS.API.CONSUMER.CREATE.KV_queue_state.c":         {"queue"},
	"$JS.API.STREAM.PURGE.KV_queue_state":              nil,
	"$JS.API.CONSUMER.CREATE.KV_queues.c":              {"console", "queue"},
	"gaps.queue.acme.q1":                               {"ingest", "matcher", "scheduler", "queue"},
	"$JS.API.DIRECT.GET.PARKED":                        {"console"},
	"$KV.invoices.acme.a1.i1":                          {"scheduler", "console"},
	"$KV.leases.ingest.3":                              {"ingest"},
	"$KV.checkpoints.ingest.3":                         {"ingest"},
	"$JS.API.STREAM.MSG.GET.KV_smtp":                   {"mailer", "console"},
	"$JS.API.DIRECT.GET.KV_smtp.$KV.smtp.acme":         {"mailer", "console"},
	"$JS.API.CONSUMER.CREATE.KV_smtp.c.$KV.smtp.>":     {"mailer", "console"},
	"$JS.API.CONSUMER.CREATE.KV_endpoints.c":           {"webhook-sender", "console"},
	"$JS.API.CONSUMER.CREATE.KV_api_keys.c":            {"ingest", "console", "queue"},
	"$JS.API.CONSUMER.CREATE.KV_accounts.c":            {"ingest", "mailer", "scheduler", "console"},
	"$JS.API.CONSUMER.CREATE.INBOX.c":                  {"ingest"},
	"$JS.API.CONSUMER.CREATE.EVENTS.c":                 {"matcher", "webhook-sender", "mailer", "scheduler", "console", "queue"},
	"$JS.API.CONSUMER.CREATE.DELIVERIES.c":             {"matcher", "webhook-sender", "mailer", "console"},
	"$JS.API.CONSUMER.CREATE.SCHEDULES.c":              {"scheduler"},
	"$JS.API.CONSUMER.CREATE.PARKED.c":                 {"console"},
	"$JS.API.CONSUMER.CREATE.REJECTED.c":               nil,
	"$JS.API.DIRECT.GET.EVENTS":                        {"webhook-sender", "mailer", "console", "queue"},
	"$JS.API.STREAM.PURGE.INBOX":                       {"ingest"},
	"$JS.API.STREAM.PURGE.EVENTS":                      nil,
	"$JS.API.STREAM.PURGE.DELIVERIES":                  nil,
	"$JS.API.STREAM.PURGE.RETRIES":                     {"webhook-sender", "mailer", "console"},
	"$JS.API.STREAM.PURGE.SCHEDULES":                   {"scheduler"},
	"$JS.API.STREAM.DELETE.EVENTS":                     nil,
	"$JS.API.STREAM.UPDATE.EVENTS":                     nil,
	// It makes the object stores of owners, whose names it cannot know before.
	"$JS.API.STREAM.CREATE.EVIL":                       {"console"},
	"$JS.API.STREAM.MSG.DELETE.EVENTS":                 nil,
	"audit.acme.changes":                               {"console"},
	"audit.acme.deeds":                                 {"console"},
	"$JS.API.CONSUMER.CREATE.AUDIT.c":                  {"console"},
	"$JS.API.STREAM.PURGE.AUDIT":                       nil,
	"$JS.API.STREAM.MSG.DELETE.AUDIT":                  nil,
	"$JS.API.STREAM.DELETE.AUDIT":                      nil,
	"$JS.API.STREAM.UPDATE.AUDIT":                      nil,
	"$SYS.REQ.SERVER.PING":                             nil,
	"_INBOX_operator.x":                                nil,
	"_INBOX.x":                                         permission.Services(),
	"_INBOX_publisher_acme.x":                          nil,
	"$SRV.PING":                                        nil,
	"$SRV.STATS.billhook-ingest":                       nil,
	"health.ingest":                                    nil,
	"_INBOX_ingest.x":                                  nil,
	"anything.else":                                    nil,
	"$JS.API.CONSUMER.DURABLE.CREATE.INBOX.c":          nil,
	"$JS.API.DIRECT.GET.KV_api_keys.$KV.api_keys.a.k1": {"ingest", "console", "queue"},
}

// mayHear says who may subscribe where.
var mayHear = map[string][]string{
	">":                  nil,
	"platform.>":         nil,
	"events.>":           nil,
	"deliveries.>":       nil,
	"$KV.>":              nil,
	"probes.>":           nil,
	"probes.ask.webhook": {"webhook-sender"},
	"probes.ask.email":   {"mailer"},
	"probes.answer.>":    nil,
	"$JS.API.>":          nil,
	"$SYS.>":             nil,
	"_INBOX.>":           nil,
	"_INBOX_mailer.>":    {"mailer"},
	"_INBOX_ingest.>":    {"ingest"},
	"_INBOX_operator.>":  nil,
	"_INBOX_matcher.abc": {"matcher"},
	"health.>":           nil,
	"health.mailer":      {"mailer"},
	"$SRV.>":             nil,
	"$SRV.PING":          permission.Services(),

	"probes.answer.webhook.*":       {"console"},
	"probes.answer.email.*":         {"console"},
	"$SRV.STATS.billhook-mailer":    {"mailer"},
	"$SRV.INFO.billhook-mailer.abc": {"mailer"},
}

func TestEveryUserIsDeniedWhatItsWorkDoesNotNeed(t *testing.T) {
	broker := harness.Broker(t, "acme")
	topologytest.Ensure(t, broker.JetStream(t, permissiontest.As(permission.Operator)...))
	for _, user := range everybody() {
		t.Run(user, func(t *testing.T) {
			denied := probeAll(t, broker, user, mayPublish)
			compare(t, user, verdict{"publish", mayPublish, denied})
			compare(t, user, verdict{"subscribe", mayHear, denied})
		})
	}
}

// Generated from the table itself: whatever one user may publish, every other
// user is denied unless its own grant covers it. This finds a server that reads
// the permissions otherwise than the table means them.
func TestWhatOneUserMayPublishOthersMayNot(t *testing.T) {
	broker := harness.Broker(t, "acme")
	topologytest.Ensure(t, broker.JetStream(t, permissiontest.As(permission.Operator)...))
	grants := map[string][]string{permission.PublisherUser("acme"): permission.Publisher("acme").Publish}
	for _, s := range permission.Services() {
		grants[s] = permission.Of(s).Publish
	}
	tried := 0
	for user, own := range grants {
		allowed := map[string][]string{}
		for _, patterns := range grants {
			for _, pattern := range patterns {
				probe := concrete(pattern)
				allowed[probe] = nil
				if slices.ContainsFunc(own, func(p string) bool { return covers(p, probe) }) {
					allowed[probe] = []string{user}
				}
			}
		}
		tried += len(allowed)
		denied := probeAll(t, broker, user, allowed)
		compare(t, user, verdict{"publish", allowed, denied})
	}
	t.Logf("%d pairs of user and subject", tried)
}

// concrete turns a pattern into one subject that it covers.
func concrete(pattern string) string {
	return strings.ReplaceAll(strings.ReplaceAll(pattern, "*", "x"), ">", "x.y")
}

// covers reports whether a pattern of NATS covers a subject.
func covers(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		if token == ">" {
			return len(s) > i
		}
		if i >= len(s) || token != "*" && token != s[i] {
			return false
		}
	}
	return len(p) == len(s)
}

// probeAll publishes to every subject and subscribes to every one of mayHear
// as a user, and returns what the server denied.
func probeAll(t *testing.T, broker *natstest.Server, user string, subjects map[string][]string) *violations {
	t.Helper()
	denied := &violations{seen: make(chan struct{})}
	nc := broker.Conn(t, append(permissiontest.As(user), nats.ErrorHandler(denied.add))...)
	for s := range subjects {
		if err := nc.Publish(s, nil); err != nil {
			t.Fatal(err)
		}
	}
	for s := range mayHear {
		if _, err := nc.SubscribeSync(s); err != nil {
			t.Fatal(err)
		}
	}
	// Denials come in order: the last one says that all are in.
	if err := nc.Publish(sentinel, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-denied.seen:
	case <-time.After(time.Minute):
		t.Fatalf("the server did not deny the sentinel: %v", denied.text)
	}
	return denied
}

type verdict struct {
	verb    string
	allowed map[string][]string
	denied  *violations
}

func compare(t *testing.T, user string, v verdict) {
	t.Helper()
	for s, users := range v.allowed {
		want := !slices.Contains(users, user)
		if got := v.denied.has(v.verb, s); got != want {
			t.Errorf("%s of %s: denied is %v, want %v", v.verb, s, got, want)
		}
	}
}

// sentinel is a subject that nobody may publish to, used last.
const sentinel = "sentinel.of.this.test"

// violations gathers what the server denied.
type violations struct {
	seen chan struct{} // closed when the sentinel was denied
	mu   sync.Mutex
	text []string
}

func (v *violations) add(_ *nats.Conn, _ *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = append(v.text, strings.ToLower(err.Error()))
	if strings.Contains(err.Error(), sentinel) {
		close(v.seen)
	}
}

func (v *violations) has(verb, subject string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	noun := map[string]string{"publish": "publish to", "subscribe": "subscription to"}[verb]
	return slices.ContainsFunc(v.text, func(s string) bool {
		return strings.Contains(s, strings.ToLower(fmt.Sprintf("%s %q", noun, subject)))
	})
}
