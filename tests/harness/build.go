// Package harness runs the product the way an operator does: as separate
// processes, with their own NATS users, against a real NATS server, and with
// receivers that it looks at from outside.
package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Binaries are the built programs, by name.
type Binaries struct{ dir string }

// Path returns the file of a program, such as "matcher".
func (b Binaries) Path(name string) string { return filepath.Join(b.dir, name) }

// builds keeps one build per set of tags for the life of the test binary.
type builds struct {
	mu   sync.Mutex
	done map[string]Binaries
}

// Builder builds programs once; a test suite has one, and removes it when it
// ends.
type Builder struct {
	dir   string
	names []string
	built builds
}

// NewBuilder returns a builder that works in a folder of its own. It builds the
// command line and the named services; without a name, all of them.
func NewBuilder(services ...string) (*Builder, error) {
	if len(services) == 0 {
		services = Services()
	}
	dir, err := os.MkdirTemp("", "billhook-harness-")
	if err != nil {
		return nil, fmt.Errorf("make build folder: %w", err)
	}
	return &Builder{dir: dir, names: append(services, "billhook"), built: builds{done: map[string]Binaries{}}}, nil
}

// BuilderFor returns a builder whose programs are removed when the test ends.
func BuilderFor(t testing.TB) *Builder {
	t.Helper()
	b, err := NewBuilder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Remove)
	return b
}

// Remove deletes what was built.
func (b *Builder) Remove() { _ = os.RemoveAll(b.dir) }

// Build builds the programs with the given build tags.
func (b *Builder) Build(t testing.TB, tags ...string) Binaries {
	t.Helper()
	key := strings.Join(tags, ",")
	b.built.mu.Lock()
	defer b.built.mu.Unlock()
	if done, ok := b.built.done[key]; ok {
		return done
	}
	out := filepath.Join(b.dir, "bin-"+key)
	if err := os.MkdirAll(out, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-tags", key, "-o", out}
	for _, s := range b.names {
		args = append(args, "github.com/billhook/billhook/services/"+s+"/cmd/"+s)
	}
	// Not the test's context: a build that is cut short helps nobody.
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = ".."
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %v: %v\n%s", tags, err, text)
	}
	b.built.done[key] = Binaries{dir: out}
	return b.built.done[key]
}

// Services are the names of the services that can run apart.
func Services() []string {
	return []string{"ingest", "matcher", "webhook-sender", "mailer", "scheduler", "console", "queue"}
}
