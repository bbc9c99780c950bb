//go:build linux

package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/billhook/billhook/services/billhook/authority"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/tests/harness"
)

// image is the content of a built image, in a folder that a process is
// confined to as its root. It stands for a container where there is no engine.
type image struct{ dir string }

// user is who processes run as in the image: USER of the Dockerfile.
const user = 65534

// build makes the image of a program by the command of the Dockerfile, with
// the given certificates as those of the public authorities.
func build(t *testing.T, program string, authorities []byte) image {
	t.Helper()
	if testing.Short() {
		t.Skip("builds images: run without -short")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may confine a process to an empty root")
	}
	im := image{dir: t.TempDir()}
	for _, dir := range []string{"etc/ssl/certs", "data"} {
		if err := os.MkdirAll(filepath.Join(im.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(im.dir, "data"), user, user); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(im.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(im.dir, "etc/ssl/certs/ca-certificates.crt"), authorities, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", strings.Replace(buildLine(t), "/out/service", filepath.Join(im.dir, "service"), 1))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "SERVICE="+program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, out)
	}
	return im
}

// confine makes the image the root of a process, and its user the process's.
func (im image) confine() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Chroot: im.dir, Credential: &syscall.Credential{Uid: user, Gid: user}}
}

// command runs the image's entry point with nothing of this machine but its
// network.
func (im image) command(ctx context.Context, environ []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/service", args...)
	cmd.Dir, cmd.Env = "/", append([]string{"TMPDIR=/data"}, environ...)
	cmd.SysProcAttr = im.confine()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

func (im image) must(t *testing.T, environ []string, stdin string, args ...string) string {
	t.Helper()
	cmd := im.command(t.Context(), environ, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// The demo needs zones (its account is in Kolkata), a folder to write to, and
// everything of the product.
func TestTheDemoRunsInTheImage(t *testing.T) {
	im := build(t, "billhook", nil)
	if key := strings.TrimSpace(im.must(t, nil, "", "keygen")); len(key) != 44 {
		t.Errorf("a key of %d characters", len(key))
	}
	if out := im.must(t, nil, "", "demo", "--exit"); !strings.Contains(out, "arrived.") {
		t.Error(out)
	}
}

const oneHook = `kind: owner
id: acme
name: Acme
time_zone: Australia/Lord_Howe
---
kind: endpoint
owner: acme
id: crm
name: CRM
url: https://hooks.example.com
---
kind: subscription
owner: acme
id: s
name: S
events: [bill_run.started]
channel: webhook
webhook: {endpoint: crm, path: /in}
`

// A receiver's certificate is verified by the authorities of the image.
func TestTheImageFindsItsAuthorities(t *testing.T) {
	ca, err := authority.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	im := build(t, "billhook", ca.PEM())
	cert, err := ca.Issue("hooks.example.com")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan receiver.Received, 10)
	web, err := receiver.Listen(cert, time.Now, func(r receiver.Received) { got <- r })
	if err != nil {
		t.Fatal(err)
	}
	serve(t, web.Run)
	environ := im.up(t, "DEVELOPMENT=true", "HOST_OVERRIDES=hooks.example.com="+web.Address())
	secret := regexp.MustCompile(`whsec_\S+`).FindString(im.must(t, environ, oneHook, "apply", "-f", "-"))
	if err := web.Expect("/in", secret); err != nil {
		t.Fatal(err)
	}
	im.must(t, environ, "", "publish", "--owner", "acme", "--type", "bill_run.started")
	select {
	case r := <-got:
		if r.Verified != nil {
			t.Error(r.Verified)
		}
	case <-time.After(2 * time.Minute):
		t.Error("no webhook came: is the receiver's authority known?\n" + im.must(t, environ, "", "check"))
	}
}

// up runs "billhook up" until the test ends, and returns the environment of
// commands for it.
func (im image) up(t *testing.T, settings ...string) []string {
	t.Helper()
	return awaitReady(t, im.command(context.Background(),
		append(settings, "NATS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "SYNC=interval", "LOG_LEVEL=warn"), "up"))
}

func TestEveryServiceStartsInItsImage(t *testing.T) {
	server := harness.Broker(t)
	main := build(t, "billhook", nil)
	key := "SECRET_KEY=" + strings.TrimSpace(main.must(t, nil, "", "keygen"))
	main.must(t, harness.Env(server, permission.Operator), "", "setup")
	for _, s := range harness.Services() {
		t.Run(s, func(t *testing.T) {
			im := build(t, s, nil)
			environ := harness.Env(server, s)
			if slices.Contains([]string{permission.WebhookSender, permission.Mailer, permission.Console}, s) {
				environ = append(environ, key)
			}
			if err := im.ready(t, environ); err != nil {
				t.Error(err)
			}
		})
	}
}

// ready runs a service until it says that it works.
func (im image) ready(t *testing.T, environ []string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := harness.Run(t, harness.Start{Path: "/service", Env: environ, Attr: im.confine()})
	if err := p.Ready(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, p.Log())
	}
	p.Stop()
	if err := p.Err(); err != nil {
		return fmt.Errorf("stop: %w\n%s", err, p.Log())
	}
	return nil
}
