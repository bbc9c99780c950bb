package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/probe"
)

func smtpCommand(w World) *cobra.Command {
	cmd := &cobra.Command{Use: "smtp", Short: "Look after SMTP settings"}
	cmd.AddCommand(smtpTestCommand(w))
	return cmd
}

func smtpTestCommand(w World) *cobra.Command {
	q := probe.MailQuestion{Connect: true}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test <settings id>",
		Short: "Connect to the server of SMTP settings step by step",
		Long: "Have the mailer connect to the server as it would for any letter, and show each step and its time: the name, the\n" +
			"connection, what the server offers, encryption, login. With --to a test message is sent as the last step. It is no\n" +
			"delivery: it is tried once, and not recorded.",
		Example: "  billhook smtp test main --owner acme --to me@example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.SMTP = args[0]
			if err := checkOwner(q.Owner).Or(); err != nil {
				return err
			}
			r, err := askMailer(cmd, w, q, "")
			if err != nil {
				return err
			}
			return showMail(w.Out, r, asJSON, "")
		},
	}
	cmd.Flags().StringVar(&q.Owner, "owner", "", "owner of the settings (required)")
	cmd.Flags().StringVar(&q.To, "to", "", "address to send a test message to")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON text")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

// askMailer has the mailer do what a question asks for, with the event of an id
// where one is given. The owner must exist, and the event too.
func askMailer(cmd *cobra.Command, w World, q probe.MailQuestion, event string) (r probe.MailReport, err error) {
	s, err := connect(cmd, w)
	if err != nil {
		return r, err
	}
	defer s.close()
	ctx, cancel := context.WithTimeout(cmd.Context(), testPatience)
	defer cancel()
	if err := mustExist(ctx, s.js, q.Owner); err != nil {
		return r, err
	}
	if event != "" {
		if q.EventSeq, err = eventlog.Find(ctx, s.js, q.Owner, event); err != nil {
			return r, err
		}
	}
	return s.recorder().TryMail(ctx, q)
}

// showMail prints a report: of the letter one part, or with no part named
// nothing. The error says whether it failed.
func showMail(out io.Writer, r probe.MailReport, asJSON bool, part string) error {
	if r.Refused != nil {
		return notSent(r.Refused)
	}
	var b bytes.Buffer
	if asJSON {
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			return err
		}
	} else {
		writeMail(&b, r.Letter, part)
		for _, s := range r.Steps {
			fmt.Fprintf(&b, "%-8s %9s  %s\n", s.Name, short(s.Took), s.Detail)
		}
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return err
	}
	if n := len(r.Steps); n > 0 && r.Steps[n-1].Reason != "" {
		last := r.Steps[n-1]
		return fmt.Errorf("%w: %s (%s)", errNotTaken, last.Detail, last.Reason)
	}
	return nil
}

// writeMail writes one part of a letter, or all of it.
func writeMail(b *bytes.Buffer, l *probe.Letter, part string) {
	if l == nil || part == "" {
		return
	}
	if part == partAll || part == partHeader {
		writeLines(b, l.Header)
	}
	if part == partAll || part == partText {
		writeBody(b, part, "text", l.Text)
	}
	if part == partAll || part == partHTML {
		writeBody(b, part, "HTML", l.HTML)
	}
	if part == partAll {
		fmt.Fprintf(b, "\n%d bytes on the wire\n", l.Size)
	}
}

// writeBody writes a body, with a heading where there are several.
func writeBody(b *bytes.Buffer, part, name, body string) {
	if body == "" {
		return
	}
	if part == partAll {
		fmt.Fprintf(b, "\n--- %s ---\n", name)
	}
	b.WriteString(body)
	if body[len(body)-1] != '\n' {
		b.WriteByte('\n')
	}
}
