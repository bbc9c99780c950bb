package pool_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestTasksThatAreDoneTogetherAreConfirmedTogether(t *testing.T) {
	const n = 2000
	r := newRig(t)
	r.publish(1, n)
	var answered atomic.Int64
	_, err := r.js.Conn().Subscribe("$JS.ACK.WORK.>", func(m *nats.Msg) {
		if m.Reply != "" {
			answered.Add(1)
		}
	})
	r.must(err)
	r.must(r.js.Conn().Flush())
	w := r.start()
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			for range n / 50 {
				select {
				case task := <-w.tasks:
					if err := task.Done(r.ctx()); err != nil {
						t.Error(err)
					}
				case <-r.ctx().Done():
					t.Error("a task did not come")
					return
				}
			}
		})
	}
	work.Wait()
	if left := r.unsettled(); left > 0 {
		t.Errorf("%d of %d tasks are not settled", left, n)
	}
	if most := int64(n / 2); answered.Load() > most {
		t.Errorf("%d of %d acknowledgements asked for an answer, want at most %d", answered.Load(), n, most)
	}
}
