package console_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/topology"
)

// TestAPageOfALongListIsReadByItself reads pages of long lists. As a task of its
// own it has 100,000 subscriptions and 1,000,000 accounts, reads many pages, and
// prints how long they took, and how much of that the processor was at work.
func TestAPageOfALongListIsReadByItself(t *testing.T) {
	subscriptions, accounts, pages := 500, 2000, 10
	if os.Getenv("BILLHOOK_CONSOLE_WHOLE") != "" {
		subscriptions, accounts, pages = 100_000, 1_000_000, 200
	}
	r := startWith(t, func(r *rig) {
		for i := range subscriptions {
			r.put(t, topology.BucketKey(topology.Subscriptions, fmt.Sprintf("acme.s%06d", i)), fmt.Sprintf(
				`{"id": "s%06d", "name": "N%06d", "events": ["invoice.posted"], "channel": "webhook", "webhook": {"endpoint": "e%d"}, "revision": 1, "versions": [{"revision": 1, "from_seq": 0}]}`, i, subscriptions-i, i/(subscriptions/2)))
		}
		for i := range accounts {
			r.put(t, topology.BucketKey(topology.Accounts, fmt.Sprintf("acme.a%07d", i)), fmt.Sprintf(`{"id": "a%07d", "name": "N%07d", "status": "s%d"}`, i, i, i%100))
		}
		<-r.js.PublishAsyncComplete()
	})
	for _, path := range []string{
		"/subscriptions?limit=100", "/subscriptions?limit=100&sort=-name", "/subscriptions?limit=1000&endpoint=e1",
		"/subscriptions?limit=100&event=invoice.voided", "/accounts?limit=100", "/accounts?limit=1000", "/accounts?limit=100&status=s7",
	} {
		var took []time.Duration
		cursor, items, worked := "", 0, busy(t)
		for range pages {
			var list struct {
				Items []struct{ ID string }
				Next  string
			}
			began := time.Now()
			a := r.do(t, ask{method: "GET", path: "/v1/owners/acme" + path + cursor}).want(t, http.StatusOK)
			took = append(took, time.Since(began))
			a.into(t, &list)
			items += len(list.Items)
			if cursor = ""; list.Next != "" {
				cursor = "&cursor=" + list.Next
			}
		}
		worked = (busy(t) - worked) / time.Duration(len(took))
		slices.Sort(took)
		at := func(percent int) time.Duration { return took[len(took)*percent/100].Round(10 * time.Microsecond) }
		t.Logf("%-45s p50 %8s, p99 %8s, processor %s a page, %d items in all", path, at(50), at(99), worked.Round(100*time.Microsecond), items)
		if none := strings.Contains(path, "voided"); none != (items == 0) {
			t.Errorf("%s: %d items", path, items)
		}
	}
}

// busy is how much processor time this process has used.
func busy(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// put stores a value without waiting.
func (r *rig) put(t testing.TB, subject, value string) {
	t.Helper()
	if r.js.PublishAsyncPending() > 2000 {
		<-r.js.PublishAsyncComplete()
	}
	if _, err := r.js.PublishAsync(subject, []byte(value)); err != nil {
		t.Fatal(err)
	}
}
