package topology_test

import (
	"fmt"
	"testing"

	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

// What is read from the log by owner has to look where the server puts it.
func TestThePartitionOfAnOwnerIsTheServers(t *testing.T) {
	js := topologytest.JetStream(t)
	inbox, err := js.Stream(t.Context(), topology.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		owner := fmt.Sprint("owner-", i*i)
		ack, err := js.Publish(t.Context(), subject.Platform(owner, "invoice.posted"), nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := inbox.GetMsg(t.Context(), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("inbox.%d.platform.%s.invoice.posted", subject.Partition(owner, topology.Defaults().Partitions), owner)
		if m.Subject != want {
			t.Fatalf("%s lies at %s", want, m.Subject)
		}
	}
}
