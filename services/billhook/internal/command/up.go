package command

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/services/billhook/broker"
	"github.com/billhook/billhook/services/billhook/internal/home"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/permission"
)

func upCommand(w World) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Run everything durably in one process",
		Long: `Run every service and a NATS server in one process, with the streams, the
sealing key and the operator's password in the data folder. Settings come from
the environment: "billhook settings" lists them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return untilStopped(cmd.Context(), up(cmd, w)) },
	}
}

func up(cmd *cobra.Command, w World) error {
	var frame process.Settings
	var cfg allinone.Config
	if err := process.Load(w.Environ, &frame, &cfg); err != nil {
		return err
	}
	proc := process.New("billhook", frame, w.Err)
	proc.WarnMisspelt(w.Environ, &frame, &cfg)
	dir, err := cmd.Flags().GetString("data")
	if err != nil {
		return err
	}
	h, err := home.Open(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	password, err := prepare(h, &cfg, w)
	if err != nil {
		return err
	}
	app, err := allinone.Open(cmd.Context(), cfg, allinone.Place{
		Store: h.Store(), Log: proc.Log, Keys: keysOf(h, &cfg.Kit), Auth: func(a *allinone.App) broker.Authenticator { return authenticator(a, password) },
	})
	if err != nil {
		return err
	}
	defer app.Close()
	announced := make(chan error, 1)
	ctx, cancel := context.WithCancel(cmd.Context())
	go func() {
		err := announce(ctx, app, w, cfg)
		if err != nil {
			cancel()
		}
		announced <- err
	}()
	err = proc.Run(ctx, process.Member{Name: "billhook", Service: app})
	cancel()
	return errors.Join(err, <-announced)
}

// prepare makes what the data folder lacks. The sealing key is the one thing
// in it that no backup of the streams brings back.
func prepare(h *home.Home, cfg *allinone.Config, w World) (secret.Text, error) {
	if cfg.Kit.SecretKey.Empty() {
		fresh := !h.HasKey()
		if err := h.MakeKey(rand.Reader); err != nil {
			return secret.Text{}, err
		}
		if fresh {
			fmt.Fprintf(w.Err, "A key that seals stored secrets was made in %s.\nBack it up: without it, passwords and signing secrets cannot be read.\n", h.KeyFile())
		}
	}
	if cfg.Kit.Development {
		fmt.Fprintln(w.Err, "DEVELOPMENT is on: host overrides send traffic to other machines than endpoints name.")
	}
	return h.MakePassword(rand.Reader)
}

// greet makes the first operator's key. It lies nowhere: who has lost it makes
// another on the command line.
func greet(ctx context.Context, app *allinone.App, w World) error {
	key, err := app.Store().FirstOperatorKey(ctx)
	if err != nil || key.Empty() {
		return err
	}
	fmt.Fprintf(w.Err, "An API key of the operator was made, which acts for every owner. It is shown this once:\n%s\n", key.Reveal())
	return nil
}

// keysOf returns where the sealing keys are read from: the settings where they
// give any, else the data folder.
func keysOf(h *home.Home, s *kit.Settings) func() ([]secret.Key, error) {
	if s.SecretKey.Empty() {
		return h.Keys
	}
	return s.Keys
}

// announce says where the app is, once it works: what is shown only once is
// not to be lost in the log of the start.
func announce(ctx context.Context, app *allinone.App, w World, cfg allinone.Config) error {
	select {
	case <-app.Ready():
	case <-ctx.Done():
		return nil
	}
	if err := greet(ctx, app, w); err != nil {
		return err
	}
	if a := app.NATSAddr(); a != "" {
		fmt.Fprintf(w.Out, "NATS  nats://%s\n", a)
	}
	fmt.Fprintf(w.Out, "HTTP  http://%s\n", app.HTTPAddr())
	if cfg.Sync == allinone.SyncInterval {
		fmt.Fprintln(w.Out, "SYNC is interval: a power cut may lose the last two minutes.")
	}
	fmt.Fprintln(w.Out, "Ready. Ctrl-C stops.")
	return nil
}

// authTimeout bounds how long a NATS log-in may take.
const authTimeout = 2 * time.Second

// authenticator lets in the operator by its password, and an owner's platform
// as publisher_<owner> with an API key that may publish that owner's events.
func authenticator(a *allinone.App, operator secret.Text) broker.Authenticator {
	return func(user, password string) (broker.Permissions, bool) {
		if user == home.Operator {
			same := subtle.ConstantTimeCompare([]byte(password), []byte(operator.Reveal())) == 1
			all := permission.All()
			return broker.Permissions{Publish: all.Publish, Subscribe: all.Subscribe}, same
		}
		owner, ok := broker.PlatformOf(user)
		if !ok {
			return broker.Permissions{}, false
		}
		ctx, cancel := context.WithTimeout(context.Background(), authTimeout)
		defer cancel()
		key, err := a.Kit().Keys.Authenticate(ctx, secret.NewText(password))
		if err != nil || !access.ActsFor(&key, owner) || !access.Allowed(key.Role, access.Publish, access.Events) {
			return broker.Permissions{}, false
		}
		return broker.Platform(owner), true
	}
}
