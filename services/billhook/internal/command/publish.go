package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tokens"
)

// envelope is what publish sends: the plain JSON form of an event.
type envelope struct {
	Type    string          `json:"type,omitempty"` // in files only
	ID      string          `json:"id"`
	Time    time.Time       `json:"time"`
	Account string          `json:"account,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// publishFlags are the flags of publish.
type publishFlags struct {
	owner, eventType, account, id, file string
	set                                 []string
}

func publishCommand(w World) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Publish one event, or the events of a file, as the platform would",
		Args:  cobra.NoArgs,
		Example: `  billhook publish --owner acme --type invoice.posted --account A-1001 \
    --set Invoice.Number=INV-2026-0042 --set Invoice.Total=1234.50
  billhook publish --owner acme --file events.ndjson`,
		RunE: func(cmd *cobra.Command, _ []string) error { return publish(cmd, w, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.owner, "owner", "", "owner whose event it is (required)")
	flags.StringVar(&f.eventType, "type", "", "event type, such as invoice.posted")
	flags.StringVar(&f.account, "account", "", "account concerned")
	flags.StringVar(&f.id, "id", "", "id of the event; drawn when not given")
	flags.StringArrayVar(&f.set, "set", nil, "token=value; repeatable")
	flags.StringVar(&f.file, "file", "", "file of events, one JSON object with a type on each line; - is standard input")
	_ = cmd.MarkFlagRequired("owner")
	cmd.MarkFlagsOneRequired("type", "file")
	for _, name := range []string{"type", "account", "id", "set"} { // a file's events have their own
		cmd.MarkFlagsMutuallyExclusive("file", name)
	}
	return cmd
}

func publish(cmd *cobra.Command, w World, f publishFlags) error {
	if !id.Valid(f.owner) {
		return fault.Problems{{Pointer: "/owner", Rule: "id.form", Detail: "must be " + id.Rule}}
	}
	envelopes, err := f.envelopes(w.In)
	if err != nil {
		return err
	}
	s, err := connect(cmd, w)
	if err != nil {
		return err
	}
	defer s.close()
	for _, e := range envelopes {
		seq, err := send(cmd.Context(), s.js, f.owner, e)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s stored in INBOX at %d\n", e.ID, e.Type, seq)
	}
	return nil
}

// send publishes one event and returns its sequence in INBOX.
func send(ctx context.Context, js jetstream.JetStream, owner string, e envelope) (uint64, error) {
	to := subject.Platform(owner, e.Type)
	e.Type = ""
	body, err := json.Marshal(e)
	if err != nil {
		return 0, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	ack, err := js.Publish(ctx, to, body)
	if err != nil {
		return 0, fault.New(fault.Unavailable, "publish event", e.ID, err)
	}
	return ack.Sequence, nil
}

// envelopes reads what the flags describe. Ids and times that lack are filled
// in; everything else is judged by ingest.
func (f publishFlags) envelopes(in io.Reader) ([]envelope, error) {
	if f.file == "" {
		if !typeForm(f.eventType) {
			return nil, fault.Problems{{Pointer: "/type", Rule: "type.form", Detail: typeRule}}
		}
		data, err := f.values()
		if err != nil {
			return nil, err
		}
		e := envelope{Type: f.eventType, ID: f.id, Account: f.account, Data: data}
		return []envelope{e.complete()}, nil
	}
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return nil, fault.New(fault.NotFound, "read events", f.file, err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	return readEnvelopes(in)
}

func readEnvelopes(in io.Reader) ([]envelope, error) {
	var out []envelope
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, event.MaxBytes+1)
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		e, problems := readEnvelope(line)
		if len(problems) > 0 {
			return nil, onLine(n, problems)
		}
		out = append(out, e.complete())
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, onLine(n, fault.Problems{{Rule: "event.size", Detail: "is longer than an event may be, " + strconv.Itoa(event.MaxBytes) + " bytes"}})
	case err != nil:
		return nil, fault.New(fault.Invalid, "read events", "", err)
	case len(out) == 0:
		return nil, fault.Problems{{Rule: "file.empty", Detail: "holds no event"}}
	}
	return out, nil
}

// readEnvelope reads the event of a line, as strictly as everything else that
// is written by hand: what were passed over would be lost.
func readEnvelope(line []byte) (e envelope, problems fault.Problems) {
	v, problems := document.ParseJSON(line)
	if problems == nil {
		problems = v.Decode(&e)
	}
	if problems == nil && !typeForm(e.Type) {
		problems = fault.Problems{{Pointer: "/type", Rule: "type.form", Detail: typeRule}}
	}
	return e, problems
}

// onLine gives problems their place in a file of lines.
func onLine(n int, problems fault.Problems) fault.Problems {
	for i := range problems {
		problems[i].Line, problems[i].Column = n, 1
	}
	return problems
}

// typeRule says what [typeForm] asks for.
const typeRule = "must be an event type such as invoice.posted"

// typeForm reports whether a type may become part of a subject; whether it
// exists is for ingest to say.
func typeForm(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !id.Valid(part) {
			return false
		}
	}
	return true
}

func (e envelope) complete() envelope {
	if e.ID == "" {
		e.ID = "evt_" + uuid.Must(uuid.NewV7()).String()
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC().Truncate(time.Millisecond)
	}
	if len(e.Data) == 0 {
		e.Data = json.RawMessage("{}")
	}
	return e
}

// values turns token=value flags into the data of an event, each with the JSON
// form of its token's type. An unknown token stays text, for ingest to refuse.
func (f publishFlags) values() (json.RawMessage, error) {
	catalogue, err := tokens.Load()
	if err != nil {
		return nil, err
	}
	data := event.Values{}
	for _, pair := range f.set {
		token, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fault.Problems{{Pointer: "/set", Rule: "set.form", Detail: fmt.Sprintf("%q is not of the form token=value", pair)}}
		}
		if _, again := data[token]; again {
			return nil, fault.Problems{{Pointer: "/set", Rule: "set.repeated", Detail: token + " is set twice"}}
		}
		data[token] = valueOf(catalogue, token, text)
	}
	return json.Marshal(data)
}

func valueOf(c *tokens.Catalogue, token, text string) event.Value {
	t, _ := c.Token(token)
	switch t.Type {
	case tokens.Integer, tokens.Decimal, tokens.Percent, tokens.Boolean:
		var v event.Value
		if json.Unmarshal([]byte(text), &v) == nil {
			return v
		}
	}
	return event.Str(text)
}
