package gather_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// 50 is what the server allows a stream.
func TestPublishAllIsNotKeptOutByBatchesThatOthersHoldOpen(t *testing.T) {
	r := setup(t)
	other := r.srv.Conn(t)
	for i := range 50 {
		m := nats.NewMsg("out.other")
		m.Header.Set(jetstreamext.BatchIDHeader, fmt.Sprint(i))
		m.Header.Set(jetstreamext.BatchSeqHeader, "1")
		if answer, err := other.RequestMsgWithContext(r.ctx(), m); err != nil || len(answer.Data) > 0 {
			t.Fatalf("batch %d was not opened: %s, %v", i, answer.Data, err)
		}
	}
	group := []*nats.Msg{msg("0"), msg("1"), msg("2")}
	if err := r.g.PublishAll(r.ctx(), group); err != nil {
		t.Fatal(err)
	}
	for i := range group {
		if got := r.body(t, uint64(i+1)); got != fmt.Sprint(i) {
			t.Errorf("sequence %d holds %s", i+1, got)
		}
	}
}
