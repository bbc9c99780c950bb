package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/broker"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/link"
	"github.com/billhook/billhook/streams/permission"
)

// asPlatform is the argument with which this command is a platform: a process of
// its own that publishes events of one owner as fast as they are taken, as told
// on its standard input. Within the process that it publishes to it would wake
// goroutines there without the kernel, and so keep others from the processors as
// no platform can.
const asPlatform = "platform"

// way is how a platform publishes many events.
type way string

const (
	// single is one after another, each once the one before is acknowledged.
	single way = "singly"
	// batches has the broker store a group at once.
	batches way = "batched"
	// unanswered waits for the acknowledgements of a group only at its end.
	unanswered way = "unanswered"
)

// group is of how many events batches are, and how many go unanswered.
const group = 1000

// floods is what a platform publishes, and where.
type floods struct {
	Address, Password string
	// Crowd begins the names of owners; Name begins the ids of events.
	Crowd, Name string
	Events      int
	Way         way
}

// publish publishes events, and returns once they are stored.
func (w way) publish(ctx context.Context, js jetstream.JetStream, msgs []*nats.Msg) error {
	switch w {
	case batches:
		_, err := jetstreamext.PublishMsgBatch(ctx, js, msgs)
		return err
	case unanswered:
		return publishAll(ctx, js, msgs)
	}
	for _, m := range msgs {
		if _, err := js.PublishMsg(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// publishAll publishes events without waiting for the answer to any before all
// are sent.
func publishAll(ctx context.Context, js jetstream.JetStream, msgs []*nats.Msg) error {
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		var err error
		if futures[i], err = js.PublishMsgAsync(m); err != nil {
			return err
		}
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// platform publishes what is told on standard input.
func platform(ctx context.Context) error {
	var f floods
	if err := json.NewDecoder(os.Stdin).Decode(&f); err != nil {
		return fmt.Errorf("read what to publish: %w", err)
	}
	nc, js, err := link.Connect(ctx, link.Settings{
		URL: "nats://" + f.Address, User: permission.PublisherUser(owner(f.Crowd, 0)), Password: secret.NewText(f.Password), Name: asPlatform,
	}, zerolog.New(os.Stderr).Level(zerolog.WarnLevel))
	if err != nil {
		return err
	}
	defer nc.Close()
	for from := 0; from < f.Events; from += group {
		msgs := make([]*nats.Msg, 0, group)
		for i := from; i < min(from+group, f.Events); i++ {
			msgs = append(msgs, event(owner(f.Crowd, 0), fmt.Sprint(f.Name, "_flood_", i), i))
		}
		if err := f.Way.publish(ctx, js, msgs); err != nil {
			return fmt.Errorf("publish the flood: %w", err)
		}
	}
	return nil
}

// flood has a platform publish so many events of the first owner.
func (c *crowd) flood(ctx context.Context, name string, events int, how way) error {
	told, err := json.Marshal(floods{c.NATSAddr(), c.password, c.name, name, events, how})
	if err != nil {
		return fmt.Errorf("tell the platform: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this command: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, asPlatform)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(told)), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("platform: %w", err)
	}
	return nil
}

// platforms lets the platform of any owner log in that knows the password.
func platforms(password string) func(*allinone.App) broker.Authenticator {
	return func(*allinone.App) broker.Authenticator {
		return func(user, given string) (broker.Permissions, bool) {
			owner, ok := broker.PlatformOf(user)
			return broker.Platform(owner), ok && subtle.ConstantTimeCompare([]byte(given), []byte(password)) == 1
		}
	}
}
