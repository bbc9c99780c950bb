package topology_test

import (
	"context"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestEnsureMakesAllAndThenNothingDiffers(t *testing.T) {
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 2 {
		start := time.Now()
		if err := topology.Ensure(ctx, js, topology.Defaults()); err != nil {
			t.Fatal(err)
		}
		t.Logf("took %s", time.Since(start))
		diffs, err := topology.Drift(ctx, js, topology.Defaults())
		if err != nil || len(diffs) > 0 {
			t.Fatalf("drift after ensure: %v %v", diffs, err)
		}
	}
}
