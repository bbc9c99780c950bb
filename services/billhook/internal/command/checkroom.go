package command

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/shared/fault"
)

// nearly is at how much of a limit, in percent, it is time to act.
const nearly = 90

// lookAtRoom says how much room is left for streams: on the disk of the data
// folder where that is here, and of what the server allows the account.
func lookAtRoom(cmd *cobra.Command, s *session) (full bool, err error) {
	out := cmd.OutOrStdout()
	if s.home.HasStore() {
		disk, err := s.home.Disk()
		if err != nil {
			return false, fmt.Errorf("look at the disk of %s: %w", s.home.Store(), err)
		}
		full = disk.NearlyFull()
		fmt.Fprintf(out, "disk of %s: %s%d of %d bytes are free\n", s.home.Store(), warning(full), disk.Free, disk.Total)
	}
	account, err := s.js.AccountInfo(cmd.Context())
	if err != nil {
		return false, fault.New(fault.Unavailable, "look at the account's limits", "", err)
	}
	if limit := account.Limits.MaxStore; limit > 0 {
		over := account.Store >= uint64(limit)/100*nearly
		fmt.Fprintf(out, "account: %s%d of %d bytes are used\n", warning(over), account.Store, limit)
		full = full || over
	}
	return full, nil
}

func warning(full bool) string {
	if full {
		return "nearly full: "
	}
	return ""
}

// lookAtSecrets tries to open every stored secret, where the sealing key is at
// hand.
func lookAtSecrets(cmd *cobra.Command, s *session) (broken bool, err error) {
	out := cmd.OutOrStdout()
	_, err = keysOf(s.home, &s.kit)()
	if errors.Is(err, fs.ErrNotExist) && !s.home.HasStore() {
		fmt.Fprintln(out, "secrets: not tried, no sealing key is given here (SECRET_KEY_FILE)")
		return false, nil
	}
	if err != nil {
		fmt.Fprintf(out, "broken: %v\n", err)
		return true, nil
	}
	k, err := s.assemble(cmd.Context(), kit.Needs{Secrets: true})
	if err != nil {
		return false, err
	}
	defer k.Close()
	t, err := tallySeals(cmd.Context(), k.Store())
	if err != nil {
		return false, err
	}
	n := 0
	for _, sealed := range t.sealed {
		n += sealed
	}
	fmt.Fprintf(out, "secrets: %d, of which %d do not open\n", n, len(t.broken))
	t.report(out)
	return len(t.broken) > 0, nil
}
