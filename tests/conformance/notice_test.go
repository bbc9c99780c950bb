package conformance_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
	"github.com/billhook/billhook/tokens"
)

func TestNoticesAreTheOperationalEventsOfTheCatalogue(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, e := range c.Events() {
		if e.Origin != tokens.Operational {
			continue
		}
		want = append(want, e.Type)
		if e.Context != "Operation" || !e.Subscribable() || slices.Contains(e.FiredBy, "platform") {
			t.Errorf("%s: context %s, fired by %v", e.Type, e.Context, e.FiredBy)
		}
	}
	for _, k := range notice.Kinds() {
		got = append(got, string(k))
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// With the permissions of production: what a service may not say, the server
// drops, and nothing would tell.
func TestServicesCanTellWhatIsTheirsToTell(t *testing.T) {
	broker := harness.Broker(t, "acme")
	js := broker.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, js)
	want := uint64(0)
	for user, kinds := range map[string][]notice.Kind{
		permission.Ingest: {notice.EventRejected},
		permission.Mailer: {notice.SMTPSettingsPaused, notice.DeliveryParked},
		permission.WebhookSender: {
			notice.EndpointDisabled, notice.EndpointThrottled, notice.EndpointRecovered, notice.SubscriptionPaused, notice.DeliveryParked,
		},
	} {
		desk := notice.New(notice.Settings{
			JS: broker.JetStream(t, permissiontest.As(user)...), Log: zerolog.Nop(), Now: time.Now,
			Name: func(notice.Kind, string, string) string { return "" },
		})
		for _, k := range kinds {
			want++
			desk.Raise(notice.Notice{Kind: k, Owner: "acme", Thing: user})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := desk.Run(ctx); err != nil { // it tells what there is to tell
			t.Fatal(err)
		}
	}
	inbox, err := js.Stream(t.Context(), topology.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	if got := inbox.CachedInfo().State.Msgs; got != want {
		t.Errorf("%d of %d notices were stored", got, want)
	}
}
