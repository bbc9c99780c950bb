package failover_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// cluster is three NATS servers, each a process.
type cluster struct {
	nodes map[string]*harness.Process
	urls  []string
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{nodes: map[string]*harness.Process{}}
	dir, ports := t.TempDir(), freePorts(t, 6)
	var routes []string
	for _, p := range ports[3:] {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", p))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		name := fmt.Sprint("n", n)
		file := filepath.Join(dir, name+".conf")
		text := fmt.Sprintf("server_name: %s\nlisten: \"127.0.0.1:%d\"\njetstream: {store_dir: %q}\ncluster: {name: c, listen: \"127.0.0.1:%d\", routes: [%s]}\n",
			name, ports[n], filepath.Join(dir, name), ports[3+n], strings.Join(routes, ", "))
		if err := os.WriteFile(file, []byte(permissiontest.Config("acme")+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.nodes[name] = harness.Run(t, harness.Start{Path: self, Env: []string{node + "=" + file}})
		c.urls = append(c.urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[n]))
	}
	for n := range 3 {
		c.await(t, ports[n])
	}
	return c
}

// await waits until a port takes connections.
func (c *cluster) await(t *testing.T, port int) {
	t.Helper()
	deadline := time.After(patience)
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// The server that leads the timers is killed between the
// planning and the moments.
func TestEachPlanFiresOnceThoughTheLeaderOfTheClusterIsKilledBeforeItsMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	c := startCluster(t)
	r := &run{load: load{invoices: 25, moments: 4}, server: &natstest.Server{URL: strings.Join(c.urls, ",")}}
	begin(t, r, 30*time.Second, "REPLICAS=3", "PARTITIONS=2")
	r.service(t, "ingest")
	r.service(t, "scheduler")
	r.service(t, "scheduler")
	r.deliver(t)
	r.planned(t)
	s, err := r.js.Stream(t.Context(), topology.Schedules)
	if err != nil {
		t.Fatal(err)
	}
	leader := s.CachedInfo().Cluster.Leader
	c.nodes[leader].Kill()
	if time.Now().After(r.first) {
		t.Fatal("the machine is too slow: the first moment came before the kill")
	}
	t.Logf("killed %s %s before the first moment", leader, time.Until(r.first).Round(time.Second))
	r.until(t, "another leader", func(ctx context.Context) (int, error) {
		s, err := r.js.Stream(ctx, topology.Schedules)
		if err != nil || s.CachedInfo().Cluster == nil || s.CachedInfo().Cluster.Leader == leader {
			return 0, err
		}
		return 1, nil
	}, 1)
	r.settled(t)
	r.judge(t)
}
