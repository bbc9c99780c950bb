package command

import (
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/store"
)

// withSession runs do over a connection to a running Billhook.
func withSession(cmd *cobra.Command, w World, do func(*session) error) error {
	s, err := connect(cmd, w)
	if err != nil {
		return err
	}
	defer s.close()
	return do(s)
}

// withOwner is withSession for a command about an owner, who must exist.
func withOwner(cmd *cobra.Command, w World, owner string, do func(*session) error) error {
	return withSession(cmd, w, func(s *session) error {
		if err := mustExist(cmd.Context(), s.js, owner); err != nil {
			return err
		}
		return do(s)
	})
}

// withKit is withSession for a command that reads configuration.
func withKit(cmd *cobra.Command, w World, needs kit.Needs, do func(*session, *kit.Kit) error) error {
	return withSession(cmd, w, func(s *session) error {
		k, err := s.assemble(cmd.Context(), needs)
		if err != nil {
			return err
		}
		defer k.Close()
		return do(s, k)
	})
}

// withStore is withSession for a command that saves configuration.
func withStore(cmd *cobra.Command, w World, do func(*session, *store.Store) error) error {
	return withKit(cmd, w, kit.Needs{Secrets: true}, func(s *session, k *kit.Kit) error {
		return do(s, k.Store().As(s.actor()))
	})
}
