package turns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/billhook/billhook/config/plan/timer"
)

func TestTheEarliestMomentThatWaitsHasTheNextTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns Turns
		end, err := turns.Join(timer.Moment{Unix: 99}).Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		var got []int64
		for _, unix := range []int64{7, 3, 9, 1, 5} {
			ctx := t.Context()
			if unix == 3 {
				ctx = gone
			}
			ticket := turns.Join(timer.Moment{Unix: unix})
			waiting.Go(func() {
				end, err := ticket.Wait(ctx)
				if unix == 3 {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("left with %v", err)
					}
					return
				}
				got = append(got, unix)
				end()
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		end()
		waiting.Wait()
		if want := []int64{1, 5, 7, 9}; !slices.Equal(got, want) {
			t.Errorf("turns went %v, want %v", got, want)
		}
	})
}
