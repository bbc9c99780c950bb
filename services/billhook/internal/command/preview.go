package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/probe"
)

// The parts of a letter that are shown.
const (
	partAll    = "all"
	partHeader = "header"
	partText   = "text"
	partHTML   = "html"
)

func previewCommand(w World) *cobra.Command {
	var q probe.MailQuestion
	var eventID, part string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "preview <canned email id>",
		Short: "Show what a canned email becomes, and send it as a test",
		Long: "Have the mailer render a canned email with the example of an event type, or with an event that happened, and show its\n" +
			"header, its text and its HTML. Contact tokens are those of the account's contact, else examples. With --to it is also\n" +
			"sent to that address and to nobody else. It is no delivery: it is tried once, and not recorded.",
		Example: "  billhook preview reminder --owner acme --type invoice.overdue --part html > reminder.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Email, q.Connect = args[0], q.To != ""
			if err := checkPreview(q, eventID, part).Or(); err != nil {
				return err
			}
			r, err := askMailer(cmd, w, q, eventID)
			if err != nil {
				return err
			}
			return showMail(w.Out, r, asJSON, part)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Owner, "owner", "", "owner of the email (required)")
	f.StringVar(&q.EventType, "type", "", "event type whose example is used, such as invoice.posted")
	f.StringVar(&eventID, "event", "", "id of an event that happened; it is looked for from the oldest on")
	f.StringVar(&q.Locale, "locale", "", "language, such as de; else that of the event's account")
	f.StringVar(&q.SMTP, "smtp", "", "SMTP settings; else those of the email")
	f.StringVar(&q.To, "to", "", "address to send it to")
	f.StringVar(&part, "part", partAll, "what is shown: all, header, text or html")
	f.BoolVar(&asJSON, "json", false, "print one JSON text")
	_ = cmd.MarkFlagRequired("owner")
	return cmd
}

// checkOwner wants an identifier, because it becomes a key.
func checkOwner(owner string) fault.Problems {
	if id.Valid(owner) {
		return nil
	}
	return fault.Problems{{Pointer: "/owner", Rule: "id.form", Detail: "an identifier is " + id.Rule}}
}

func checkPreview(q probe.MailQuestion, eventID, part string) fault.Problems {
	out := checkOwner(q.Owner)
	refuse := func(pointer, rule, detail string) {
		out = append(out, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
	}
	if (q.EventType == "") == (eventID == "") {
		refuse("/type", "preview.event", "needs either --type or --event")
	}
	var r field.Report
	r.Locale("/locale", q.Locale)
	out = append(out, r.Problems()...)
	if parts := []string{partAll, partHeader, partText, partHTML}; !slices.Contains(parts, part) {
		refuse("/part", "part.unknown", "must be one of "+strings.Join(parts, ", "))
	}
	return out
}
