package convoy_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/convoy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// item counts how often it was served, and with how many.
type item struct{ served, among int }

func serve(_ context.Context, all []*item) {
	for _, i := range all {
		i.served++
		i.among = len(all)
	}
}

// held begins to serve one item of a key, and returns how to end that.
func held(c *convoy.Convoys[string, item], key string) (end func()) {
	var first sync.WaitGroup
	begun, goOn := make(chan struct{}), make(chan struct{})
	first.Go(func() {
		c.Join(context.Background(), key, &item{}, func(context.Context, []*item) {
			close(begun)
			<-goOn
		})
	})
	<-begun
	return func() {
		close(goOn)
		first.Wait()
	}
}

func TestWhoComesMeanwhileIsServedTogether(t *testing.T) {
	const n = 20
	var c convoy.Convoys[string, item]
	end := held(&c, "a")
	var joining sync.WaitGroup
	items := make([]item, n)
	for i := range items {
		joining.Go(func() { c.Join(t.Context(), "a", &items[i], serve) })
	}
	for c.Waiting("a") < n {
		runtime.Gosched()
	}
	end()
	joining.Wait()
	for i := range items {
		if items[i] != (item{served: 1, among: n}) {
			t.Errorf("item %d was served %d times, with %d", i, items[i].served, items[i].among)
		}
	}
	if n := c.UnderWay(); n > 0 {
		t.Errorf("%d keys are remembered", n)
	}
}

func TestEveryItemIsServedOnceAndAKeyByOneAtATime(t *testing.T) {
	var c convoy.Convoys[string, item]
	var joining sync.WaitGroup
	var serving atomic.Int32
	items := make([]item, 500)
	for i := range items {
		joining.Go(func() {
			c.Join(t.Context(), "a", &items[i], func(ctx context.Context, all []*item) {
				if serving.Add(1) > 1 {
					t.Error("two serve at a time")
				}
				serve(ctx, all)
				serving.Add(-1)
			})
			if items[i].served != 1 {
				t.Errorf("item %d was served %d times", i, items[i].served)
			}
		})
	}
	joining.Wait()
}

func TestAKeyDoesNotWaitForAnother(t *testing.T) {
	var c convoy.Convoys[string, item]
	defer held(&c, "a")()
	var b item
	if c.Join(t.Context(), "b", &b, serve); b.served != 1 {
		t.Errorf("served %d times", b.served)
	}
}

// It may become the turn of one who waits: who left would leave the others waiting
// for ever.
func TestWhoWaitsIsServedThoughTheirTimeIsOver(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var c convoy.Convoys[string, item]
	end := held(&c, "a")
	var joining sync.WaitGroup
	items := make([]item, 2)
	for i := range items {
		joining.Go(func() {
			c.Join(over, "a", &items[i], func(ctx context.Context, all []*item) {
				if ctx.Err() != nil {
					t.Error("what serves all ends with the one who does it")
				}
				serve(ctx, all)
			})
			if items[i].served != 1 {
				t.Errorf("item %d was served %d times when it left", i, items[i].served)
			}
		})
	}
	for c.Waiting("a") < len(items) {
		runtime.Gosched()
	}
	end()
	joining.Wait()
}
