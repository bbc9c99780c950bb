package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
)

func secretsCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "secrets", Short: "Look after the keys that seal stored secrets"}
	cmd.AddCommand(
		secretsWork(w, sealsStatus, &cobra.Command{
			Use:   "status",
			Short: "Show what each sealing key seals, and what does not open",
			Args:  cobra.NoArgs,
		}),
		secretsWork(w, rotateKey, &cobra.Command{
			Use:   "rotate",
			Short: "Make a new sealing key and seal every secret with it",
			Long: "Put a new sealing key before the others in the data folder's key file, and seal every stored secret with it. All\n" +
				"goes on meanwhile; services read the file again by themselves. What was cut off is finished by the next rotate,\n" +
				"which then makes no further key. Former keys stay in the file until \"billhook secrets drop\".",
			Args: cobra.NoArgs,
		}),
		secretsWork(w, reseal, &cobra.Command{
			Use:   "reseal",
			Short: "Seal every secret with the newest key that there is",
			Long: "Seal every stored secret with the newest key that there is: the last step of a rotation where SECRET_KEY_FILE or\n" +
				"SECRET_KEY gives the keys. It may be cut off anywhere and begun again.",
			Args: cobra.NoArgs,
		}),
		secretsWork(w, dropKeys, &cobra.Command{
			Use:   "drop",
			Short: "Remove the former sealing keys, once nothing is sealed with them",
			Long: "Remove every key but the newest from the data folder's key file. It is refused while a secret is sealed with\n" +
				"another one. A back-up of streams needs the keys of its own time: keep those with it. Links to unsubscribe in\n" +
				"mails that were sent end with the key that they were made with.",
			Args: cobra.NoArgs,
		}),
	)
	return cmd
}

// vault is the stored secrets with the keys that seal them.
type vault struct {
	*session
	store *store.Store
	out   io.Writer
	// keys reads the keys as they are now, the newest first.
	keys func() ([]secret.Key, error)
}

// secretsWork completes a command that works on the secrets.
func secretsWork(w World, work func(context.Context, *vault) error, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withKit(cmd, w, kit.Needs{Secrets: true}, func(s *session, k *kit.Kit) error {
			return work(cmd.Context(), &vault{session: s, store: k.Store(), out: w.Out, keys: keysOf(s.home, &s.kit)})
		})
	}
	return cmd
}

// errGivenKeys is returned where keys cannot be changed from here.
var errGivenKeys = errors.New(`the keys are given by SECRET_KEY or SECRET_KEY_FILE: change them there, on every machine; "billhook keygen" prints a new one, and "billhook secrets reseal" seals with it`)

// change has do change the key file, and nobody else meanwhile.
func (v *vault) change(do func() error) error {
	if !v.kit.SecretKey.Empty() {
		return fault.New(fault.Invalid, "change the sealing keys", "", errGivenKeys)
	}
	unlock, err := v.home.LockKeys()
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

// errForeign is returned where the keys are not those of the stored secrets.
var errForeign = errors.New(`secrets are stored that none of the keys opens; see "billhook secrets status"`)

func rotateKey(ctx context.Context, v *vault) error {
	return v.change(func() error {
		keys, err := v.keys()
		if err != nil {
			return err
		}
		seals, err := v.store.Seals(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seals, func(s store.Seal) bool { return errors.Is(s.Err, secret.ErrUnknownKey) }) {
			return fault.New(fault.Invalid, "rotate the sealing key of", v.home.KeyFile(), errForeign)
		}
		if slices.ContainsFunc(seals, func(s store.Seal) bool { return s.Err == nil && s.Key != keys[0].ID() }) {
			fmt.Fprintf(v.out, "A rotation to key %s was begun before and is finished now.\n", keys[0].ID())
			return reseal(ctx, v)
		}
		key, err := secret.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		if err := v.record(ctx, sealing("rotate", key.ID())); err != nil {
			return err
		}
		if err := secret.WriteKeys(v.home.KeyFile(), append([]secret.Key{key}, keys...)); err != nil {
			return err
		}
		fmt.Fprintf(v.out, "Key %s was made and put first into %s.\nBack the file up: without it, passwords and signing secrets cannot be read.\n", key.ID(), v.home.KeyFile())
		return reseal(ctx, v)
	})
}

// sealing is what is kept of what is done with a sealing key, or with all.
func sealing(verb, key string) store.Deed {
	return store.Deed{Owner: id.Installation, Verb: verb, Resource: access.SealingKeys, ID: key}
}

func reseal(ctx context.Context, v *vault) error {
	if err := v.record(ctx, sealing("reseal", "")); err != nil {
		return err
	}
	renewed, err := v.store.Reseal(ctx)
	if err != nil {
		return fmt.Errorf("%d sealed anew, then: %w; \"billhook secrets reseal\" goes on", renewed, err)
	}
	fmt.Fprintf(v.out, "%d sealed anew.\n", renewed)
	return sealsStatus(ctx, v)
}

// errSealed is returned for a key that is still needed.
var errSealed = errors.New(`secrets are sealed with former keys: "billhook secrets reseal" seals them with the newest; what does not open has to be given again`)

func dropKeys(ctx context.Context, v *vault) error {
	return v.change(func() error {
		keys, err := v.keys()
		if err != nil {
			return err
		}
		if err := v.store.Settle(ctx); err != nil {
			return err
		}
		t, err := tallySeals(ctx, v.store)
		if err != nil {
			return err
		}
		for _, k := range keys[1:] {
			if t.sealed[k.ID()] > 0 {
				return fault.New(fault.Conflict, "drop the sealing key", k.ID(), errSealed)
			}
		}
		for _, k := range keys[1:] {
			if err := v.record(ctx, sealing("drop", k.ID())); err != nil {
				return err
			}
		}
		if err := secret.WriteKeys(v.home.KeyFile(), keys[:1]); err != nil {
			return err
		}
		for _, k := range keys[1:] {
			fmt.Fprintf(v.out, "Key %s was removed. Keep it with back-ups from before: they need it.\n", k.ID())
		}
		return sealsStatus(ctx, v)
	})
}

// tally is what seals what.
type tally struct {
	sealed map[string]int // by key
	broken []store.Seal
}

func tallySeals(ctx context.Context, s *store.Store) (*tally, error) {
	seals, err := s.Seals(ctx)
	if err != nil {
		return nil, err
	}
	t := &tally{sealed: map[string]int{}}
	for _, s := range seals {
		t.sealed[s.Key]++
		if s.Err != nil {
			t.broken = append(t.broken, s)
		}
	}
	return t, nil
}

// report names what does not open.
func (t *tally) report(w io.Writer) {
	for _, s := range t.broken {
		fmt.Fprintf(w, "broken: %v\n", s.Err)
	}
}

// errUnopened is returned where secrets do not open.
var errUnopened = errors.New("there are secrets that do not open: give the key that sealed them, or give the secrets again")

func sealsStatus(ctx context.Context, v *vault) error {
	keys, err := v.keys()
	if err != nil {
		return err
	}
	t, err := tallySeals(ctx, v.store)
	if err != nil {
		return err
	}
	tab := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "key\tstate\tsecrets")
	for i, k := range keys {
		state := "former"
		if i == 0 {
			state = "newest"
		}
		fmt.Fprintf(tab, "%s\t%s\t%d\n", k.ID(), state, t.sealed[k.ID()])
		delete(t.sealed, k.ID())
	}
	for _, key := range slices.Sorted(maps.Keys(t.sealed)) {
		fmt.Fprintf(tab, "%s\tmissing\t%d\n", cmp.Or(key, "-"), t.sealed[key])
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	t.report(v.out)
	if len(t.broken) > 0 {
		return errUnopened
	}
	return nil
}
