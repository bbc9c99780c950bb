package subject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/subject"
)

func TestSubjectsAreAsDocumented(t *testing.T) {
	const ch = delivery.Webhook
	for got, want := range map[string]string{
		subject.Platform("acme", "invoice.posted"):                 "platform.acme.invoice.posted",
		subject.PlatformOf("acme"):                                 "platform.acme.>",
		subject.AllPlatform:                                        "platform.*.>",
		subject.Internal("acme", "a.b"):                            "billhook.acme.a.b",
		subject.InternalOf("a.b"):                                  "billhook.*.a.b",
		subject.AllInternal:                                        "billhook.*.>",
		subject.InboxTransform(16):                                 "inbox.{{partition(16,2)}}.{{wildcard(1)}}.{{wildcard(2)}}.>",
		subject.InboxPart(3):                                       "inbox.3.>",
		subject.Rejected("acme", "schema"):                         "rejected.acme.schema",
		subject.AllRejected:                                        "rejected.>",
		subject.Event(3, "acme", "invoice.posted"):                 "events.3.acme.invoice.posted",
		subject.EventsPart(3):                                      "events.3.>",
		subject.EventsOf(3, "acme"):                                "events.3.acme.>",
		subject.EventsOfType("invoice.posted"):                     "events.*.*.invoice.posted",
		subject.AllEvents:                                          "events.>",
		subject.Delivery(ch, 3, "acme", "sub_1"):                   "deliveries.webhook.3.acme.sub_1",
		subject.DeliveriesPart(3):                                  "deliveries.*.3.>",
		subject.DeliveriesOf(ch, 3):                                "deliveries.webhook.3.>",
		subject.DeliveriesTo(3, "acme", "sub_1"):                   "deliveries.*.3.acme.sub_1",
		subject.AllDeliveries:                                      "deliveries.>",
		subject.RetrySet(ch, "dlv_1"):                              "retries.set.webhook.dlv_1",
		subject.RetriesSet(ch):                                     "retries.set.webhook.*",
		subject.RetryDue(ch, 3, "acme", "sub_1"):                   "retries.due.webhook.3.acme.sub_1",
		subject.RetriesDue(ch):                                     "retries.due.webhook.>",
		subject.HeadKept(ch, "acme", "sub", "dlv"):                 "retries.kept.webhook.acme.sub.dlv",
		subject.HeadsKept(ch, "acme", "sub"):                       "retries.kept.webhook.acme.sub.*",
		subject.HeadsKeptIn(ch):                                    "retries.kept.webhook.>",
		subject.AllRetries:                                         "retries.>",
		subject.ScheduleSet(3, 1800000000):                         "schedules.set.3.1800000000",
		subject.ScheduleDue(3, 1800000000):                         "schedules.due.3.1800000000",
		subject.ScheduleKeys(3, 1800000000):                        "schedules.keys.3.1800000000",
		subject.SchedulesDue:                                       "schedules.due.>",
		subject.AllSchedules:                                       "schedules.>",
		subject.Parked(ch, "acme", "sub_1"):                        "parked.webhook.acme.sub_1",
		subject.ParkedIn(ch):                                       "parked.webhook.>",
		subject.ParkedOf(ch, "acme", "sub_1"):                      "parked.webhook.acme.sub_1",
		subject.ParkedOf("", "acme", ""):                           "parked.*.acme.*",
		subject.ProbeAsk(ch):                                       "probes.ask.webhook",
		subject.ProbeAnswer(ch, "q1"):                              "probes.answer.webhook.q1",
		subject.ProbeAnswers(ch):                                   "probes.answer.webhook.*",
		subject.AllParked:                                          "parked.>",
		subject.Outcome(ch, delivery.Delivered, "acme", "sub"):     "outcomes.webhook.delivered.acme.sub",
		subject.OutcomesOf(ch, "acme", "sub"):                      "outcomes.webhook.*.acme.sub",
		subject.OrderedOutcome(ch, delivery.Parked, "acme", "sub"): "outcomes.webhook.parked.acme.sub.ordered",
		subject.OrderedNote(ch, "acme", "sub"):                     "outcomes.webhook.note.acme.sub.ordered",
		subject.OrderedOutcomesOf(ch, "acme", "sub"):               "outcomes.webhook.*.acme.sub.ordered",
		subject.SeriesIn(ch, 7):                                    "webhook.7.>",
		subject.OutcomesIn(ch):                                     "outcomes.webhook.>",
		subject.AllOutcomes:                                        "outcomes.>",
		subject.Gap("ingest.3"):                                    "gaps.ingest.3",
		subject.GapsOfSeries(ch):                                   "gaps.series.webhook.>",
		subject.AllGaps:                                            "gaps.>",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

var (
	ids      = rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	types    = rapid.StringMatching(`[a-z_]{1,12}(\.[a-z_]{1,12}){0,3}`)
	parts    = rapid.IntRange(0, 1023)
	channels = rapid.SampledFrom([]delivery.Channel{delivery.Webhook, delivery.Email})
)

func TestWhatIsBuiltIsParsedBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := subject.Routed{Part: parts.Draw(t, "part"), Owner: ids.Draw(t, "owner"), Type: types.Draw(t, "type")}
		got, err := subject.ParseEvent(subject.Event(want.Part, want.Owner, want.Type))
		if err != nil || got != want {
			t.Fatalf("event: got %+v (%v), want %+v", got, err, want)
		}
		to := subject.Addressed{
			Channel: channels.Draw(t, "channel"), Part: want.Part, Owner: want.Owner, Subscription: ids.Draw(t, "subscription"),
		}
		back, err := subject.ParseDelivery(subject.Delivery(to.Channel, to.Part, to.Owner, to.Subscription))
		if err != nil || back != to {
			t.Fatalf("delivery: got %+v (%v), want %+v", back, err, to)
		}
		back, err = subject.ParseRetryDue(subject.RetryDue(to.Channel, to.Part, to.Owner, to.Subscription))
		if err != nil || back != to {
			t.Fatalf("retry: got %+v (%v), want %+v", back, err, to)
		}
	})
}

func TestInboxSubjectsKeepTheirOrigin(t *testing.T) {
	for s, want := range map[string]subject.Arrived{
		"inbox.7.platform.acme.invoice.posted": {Routed: subject.Routed{Part: 7, Owner: "acme", Type: "invoice.posted"}},
		"inbox.0.billhook.acme.a":              {Routed: subject.Routed{Owner: "acme", Type: "a"}, Internal: true},
	} {
		got, err := subject.ParseInbox(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
}

func TestAnOwnerIsReadFromWhatIsStoredBeforeItIsMatched(t *testing.T) {
	for s, want := range map[string]string{
		"inbox.7.platform.acme.invoice.posted": "acme", "events.7.acme.invoice.posted": "acme",
		"inbox.7.acme.invoice.posted": "", "events.7.acme": "", "deliveries.webhook.1.acme.sub": "", "": "",
	} {
		if got := subject.Owner(s); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}

func TestMalformedSubjectsAreErrors(t *testing.T) {
	for _, s := range []string{
		"", ".", "events", "events.1", "events.1.acme", "events.x.acme.a", "inbox.1.acme.a", "inbox.1.other.acme.a",
		"deliveries.webhook.1.acme", "deliveries.webhook.one.acme.sub", "deliveries.webhook.1.acme.sub.more",
		"retries.set.webhook.dlv_1", "retries.due.webhook.1.acme",
	} {
		for name, parse := range parsers {
			if parse(s) == nil {
				t.Errorf("%s accepts %q", name, s)
			}
		}
	}
}

var parsers = map[string]func(string) error{
	"event":    func(s string) error { _, err := subject.ParseEvent(s); return err },
	"inbox":    func(s string) error { _, err := subject.ParseInbox(s); return err },
	"delivery": func(s string) error { _, err := subject.ParseDelivery(s); return err },
	"retry":    func(s string) error { _, err := subject.ParseRetryDue(s); return err },
}

// FuzzParse holds that what a parser accepts as made of ids is what building
// gives, for any input at all.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"events.3.acme.invoice.posted", "inbox.3.platform.acme.a", "deliveries.email.3.acme.sub_1",
		"retries.due.webhook.3.acme.sub_1", "events.-1.acme.a", "events.+1.acme.a", "events.01.acme.a", "events..acme.a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range parsers {
			if err := parse(s); err != nil && !strings.Contains(err.Error(), "parse subject") {
				t.Errorf("%s: error %q does not say what failed", name, err)
			}
		}
		e, err := subject.ParseEvent(s)
		if err == nil && id.Valid(e.Owner) && subject.Event(e.Part, e.Owner, e.Type) != s {
			t.Errorf("%q is parsed as %+v", s, e)
		}
		d, err := subject.ParseDelivery(s)
		if err == nil && subject.Delivery(d.Channel, d.Part, d.Owner, d.Subscription) != s {
			t.Errorf("%q is parsed as %+v", s, d)
		}
	})
}

func TestAKeyOfASeriesIsReadAsItWasBuilt(t *testing.T) {
	want := subject.Series{Channel: delivery.Webhook, Slot: 63, Owner: "acme", Subscription: "sub_1"}
	if got, err := subject.ParseSeries(want.Key()); err != nil || got != want {
		t.Errorf("%s was read as %+v, %v", want.Key(), got, err)
	}
	for _, bad := range []string{"", "webhook.1.acme", "webhook.01.acme.sub", "webhook.x.acme.sub", ".1.acme.sub", "webhook.1.acme.sub.more"} {
		if got, err := subject.ParseSeries(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestAnAnswerToAProbeIsToldFromWhatElseThereIs(t *testing.T) {
	for s, want := range map[string]bool{
		"probes.answer.webhook.q1": true, "probes.answer.email.q1": false, "probes.answer.webhook.": false, "probes.answer.webhook": false,
		"probes.answer.webhook.a.b": false, "probes.answer.webhook.*": false, "probes.answer.webhook.>": false, "events.1.acme.a": false, "": false,
	} {
		if got := subject.IsProbeAnswer(delivery.Webhook, s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestTheChannelOfWhatIsParkedIsInItsSubject(t *testing.T) {
	if ch, err := subject.ParseParked(subject.Parked(delivery.Email, "acme", "s1")); ch != delivery.Email || err != nil {
		t.Errorf("%q, %v", ch, err)
	}
	for _, s := range []string{"", "parked", "parked..acme.s1", "parked.email.acme", "parked.email.acme.s1.x", "events.email.acme.s1"} {
		if _, err := subject.ParseParked(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}
