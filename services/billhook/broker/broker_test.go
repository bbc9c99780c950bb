package broker_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/billhook/broker"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(natstest.AbandonedPublisher))
}

func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	if cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	b, err := broker.Start(cfg, "token-of-this-process", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func connect(t *testing.T, url string, opts ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	quiet := nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})
	nc, err := nats.Connect(url, append(opts, quiet, nats.NoReconnect())...)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

func TestWithoutAListenerOnlyThisProcessGetsIn(t *testing.T) {
	b := start(t, broker.Config{})
	if a := b.Address(); a != "" {
		t.Errorf("listens on %s", a)
	}
	nc, err := connect(t, "", b.Option())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Error(err)
	}
}

func TestWithoutAnAuthenticatorNobodyGetsInFromOutside(t *testing.T) {
	b := start(t, broker.Config{Listen: "127.0.0.1:0"})
	for name, opt := range map[string]nats.Option{
		"no credentials": func(*nats.Options) error { return nil },
		"a user":         nats.UserInfo("process", "x"),
		"another token":  nats.Token("token-of-this"),
	} {
		if _, err := connect(t, "nats://"+b.Address(), opt); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAGuestMayNotSayIsNotHeard(t *testing.T) {
	b := start(t, broker.Config{Listen: "127.0.0.1:0", Auth: func(user, password string) (broker.Permissions, bool) {
		return broker.Permissions{Publish: []string{"a.>"}, Subscribe: []string{"a.>"}}, user == "u" && password == "p"
	}})
	inside, err := connect(t, "", b.Option())
	if err != nil {
		t.Fatal(err)
	}
	heard, err := inside.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := inside.Flush(); err != nil {
		t.Fatal(err)
	}
	guest, err := connect(t, "nats://"+b.Address(), nats.UserInfo("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"b.1", "a.1"} {
		if err := guest.Publish(s, nil); err != nil {
			t.Fatal(err)
		}
	}
	m, err := heard.NextMsg(time.Minute)
	if err != nil || m.Subject != "a.1" {
		t.Errorf("heard %v, %v", m, err)
	}
}

func TestAGuestWhoseCredentialsEndIsShownOut(t *testing.T) {
	var ended atomic.Bool
	b := start(t, broker.Config{Listen: "127.0.0.1:0", Auth: func(user, _ string) (broker.Permissions, bool) {
		return broker.Permissions{Publish: []string{">"}}, user == "stays" || !ended.Load()
	}})
	goes, err := connect(t, "nats://"+b.Address(), nats.UserInfo("goes", ""))
	if err != nil {
		t.Fatal(err)
	}
	stays, err := connect(t, "nats://"+b.Address(), nats.UserInfo("stays", ""))
	if err != nil {
		t.Fatal(err)
	}
	closed := goes.StatusChanged(nats.CLOSED)
	ended.Store(true)
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Error("still connected")
	}
	if err := stays.FlushTimeout(time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAPortInUseIsSaidAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was written
	_, err = broker.Start(broker.Config{StoreDir: t.TempDir(), Listen: l.Addr().String()}, "t", zerolog.Nop())
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}

func TestABadAddressIsRefused(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", "127.0.0.1:many"} {
		if _, err := broker.Start(broker.Config{StoreDir: t.TempDir(), Listen: listen}, "t", zerolog.Nop()); err == nil {
			t.Errorf("%q was taken", listen)
		}
	}
}

func TestWhatIsStoredIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []uint64{1, 2} {
		b, err := broker.Start(broker.Config{StoreDir: dir, SyncAlways: true}, "t", zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		if got := storeOne(t, b); got != want {
			t.Errorf("stored at %d, want %d", got, want)
		}
		b.Close()
	}
}

func storeOne(t *testing.T, b *broker.Broker) uint64 {
	t.Helper()
	nc, err := connect(t, "", b.Option())
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(ctx, "s", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}
