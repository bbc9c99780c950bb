package command

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/billhook/internal/home"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/link"
)

// session is a command's connection to a running Billhook.
type session struct {
	nats *nats.Conn
	js   jetstream.JetStream
	// user is the NATS user, empty where another credential is used.
	user string
	kit  kit.Settings
	home *home.Home
	log  zerolog.Logger
}

// connect opens the connection that the environment describes; where it names
// no user, that of the all-in-one whose data folder is given.
func connect(cmd *cobra.Command, w World) (*session, error) {
	s := &session{log: zerolog.New(w.Err).Level(zerolog.WarnLevel)}
	var settings link.Settings
	if err := process.Load(w.Environ, &settings, &s.kit); err != nil {
		return nil, err
	}
	dir, err := cmd.Flags().GetString("data")
	if err != nil {
		return nil, err
	}
	s.home = home.At(dir)
	if settings.User == "" && settings.CredsFile == "" && settings.Token.Empty() {
		if settings.Password, err = s.home.Password(); errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.NotFound, "find the operator's password in data folder", dir, errNoHome)
		} else if err != nil {
			return nil, err
		}
		settings.User = home.Operator
	}
	s.user = settings.User
	wait, err := cmd.Flags().GetDuration("wait")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), wait)
	defer cancel()
	s.nats, s.js, err = link.Connect(ctx, settings, s.log)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fault.New(fault.Denied, "log in to Billhook at", settings.URL, errStranger)
	case fault.KindOf(err) == fault.Unavailable:
		return nil, fault.New(fault.Unavailable, "reach Billhook at", settings.URL, errNotRunning)
	}
	return s, err
}

// reach bounds how long a command looks for Billhook unless --wait says
// otherwise. Services wait for ever; a person wants to be told.
const reach = 3 * time.Second

// errStranger is returned where the user or its password is not known.
var errStranger = errors.New("user or password is not known there: --data names the folder that it runs on, NATS_USER another user")

// errNotRunning is returned where nothing answers.
var errNotRunning = errors.New(`nothing answers there: "billhook up" starts it, NATS_URL names another address`)

// errNoHome is returned where no all-in-one ever ran.
var errNoHome = errors.New(`there is none: run "billhook up" first, name its folder with --data, or set NATS_URL and NATS_USER`)

func (s *session) close() { s.nats.Close() }

// actor is who gives the command.
func (s *session) actor() audit.Actor {
	a := audit.Actor{Kind: audit.CommandLine, ID: s.user}
	// What the machine does not say is left out.
	if u, err := user.Current(); err == nil {
		a.Name = u.Username
	}
	a.From, _ = os.Hostname()
	return a
}

// recorder keeps what is done by the command and is no change of a
// configuration.
func (s *session) recorder() *store.Store {
	return store.New(store.Deps{JetStream: s.js, Rand: rand.Reader, Now: time.Now}).As(s.actor())
}

// record keeps a deed.
func (s *session) record(ctx context.Context, d store.Deed) error {
	return s.recorder().Record(ctx, d)
}

// assemble makes the kit of a command that changes or reads configuration.
func (s *session) assemble(ctx context.Context, needs kit.Needs) (*kit.Kit, error) {
	return kit.Assemble(ctx, kit.Plan{
		Link: kit.Link{NATS: s.nats, JetStream: s.js}, Settings: s.kit, Needs: needs, Keys: keysOf(s.home, &s.kit), Log: s.log,
	})
}
