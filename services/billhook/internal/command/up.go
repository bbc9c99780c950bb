package command

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
		RunE: func(cmd *cobra.Command, _ []string) error { return up(cmd, w) },
	}
}

func up(cmd *cobra.Command, w World) error {
	var frame process.Settings
	var cfg allinone.Config
	if err := process.Load(w.Environ, &frame, &cfg); err != nil {
		return err
	}
	proc := process.New("billhook", frame, w.Err)
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
		Store: h.Store(), Log: proc.Log, Auth: func(a *allinone.App) broker.Authenticator { return authenticator(a, password) },
	})
	if err != nil {
		return err
	}
	defer app.Close()
	announced := make(chan struct{})
	ctx, cancel := context.WithCancel(cmd.Context())
	go func() {
		defer close(announced)
		announce(ctx, app, w, cfg)
	}()
	err = proc.Run(ctx, process.Member{Name: "billhook", Service: app})
	cancel()
	<-announced
	return err
}

// prepare makes what the data folder lacks. The sealing key is the one thing
// in it that no backup of the streams brings back.
func prepare(h *home.Home, cfg *allinone.Config, w World) (secret.Text, error) {
	fresh := !h.HasKey() && cfg.Kit.SecretKey.Empty()
	keys, err := h.Keys(cfg.Kit.SecretKey, rand.Reader)
	if err != nil {
		return secret.Text{}, err
	}
	cfg.Kit.SecretKey = home.JoinKeys(keys)
	if fresh {
		fmt.Fprintf(w.Err, "A key that seals stored secrets was made in %s.\nBack it up: without it, passwords and signing secrets cannot be read.\n", h.KeyFile())
	}
	if cfg.Kit.Development {
		fmt.Fprintln(w.Err, "DEVELOPMENT is on: host overrides send traffic to other machines than endpoints name.")
	}
	return h.MakePassword(rand.Reader)
}

// announce says where the app is, once it works.
func announce(ctx context.Context, app *allinone.App, w World, cfg allinone.Config) {
	select {
	case <-app.Ready():
	case <-ctx.Done():
		return
	}
	if a := app.NATSAddr(); a != "" {
		fmt.Fprintf(w.Out, "NATS  nats://%s\n", a)
	}
	fmt.Fprintf(w.Out, "HTTP  http://%s\n", app.HTTPAddr())
	if cfg.Sync == allinone.SyncInterval {
		fmt.Fprintln(w.Out, "SYNC is interval: a power cut may lose the last two minutes.")
	}
	fmt.Fprintln(w.Out, "Ready. Ctrl-C stops.")
}

// authTimeout bounds how long a NATS log-in may take.
const authTimeout = 2 * time.Second

// authenticator lets in the operator by its password, and an owner's platform
// as publisher_<owner> with an API key of that owner that may publish.
func authenticator(a *allinone.App, operator secret.Text) broker.Authenticator {
	return func(user, password string) (broker.Permissions, bool) {
		if user == home.Operator {
			same := subtle.ConstantTimeCompare([]byte(password), []byte(operator.Reveal())) == 1
			all := permission.All()
			return broker.Permissions{Publish: all.Publish, Subscribe: all.Subscribe}, same
		}
		owner, ok := strings.CutPrefix(user, permission.PublisherUser(""))
		if !ok {
			return broker.Permissions{}, false
		}
		ctx, cancel := context.WithTimeout(context.Background(), authTimeout)
		defer cancel()
		key, err := a.Kit().Keys.Authenticate(ctx, owner, secret.NewText(password))
		if err != nil || !key.Role.Publishes() {
			return broker.Permissions{}, false
		}
		own := permission.Publisher(key.Owner)
		return broker.Permissions{Publish: own.Publish, Subscribe: own.Subscribe, Outsider: true}, true
	}
}
