package reference

import (
	_ "embed" // of the text around the tables
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/tokens"
	"github.com/billhook/billhook/tokens/internal/format"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

//go:embed language.md
var language string

// Tokens returns the page about tokens: every token, and the language of
// templates.
func Tokens(c *tokens.Catalogue) string {
	var b strings.Builder
	b.WriteString(generated)
	b.WriteString(strings.NewReplacer(
		"$HELPERS", helperTable(), "$LAYOUTS", layoutTable(),
		"$BYTES", strconv.Itoa(syntax.MaxBytes>>10), "$DEPTH", strconv.Itoa(syntax.MaxDepth),
		"$NESTED", strconv.Itoa(syntax.MaxNested), "$TAGS", strconv.Itoa(syntax.MaxTags),
		"$NAME", strconv.Itoa(syntax.MaxName), "$OUTPUT", strconv.Itoa(tokens.MaxOutput>>20),
		"$TEXT", strconv.Itoa(tokens.MaxText),
	).Replace(language))
	for _, g := range groupNames(c) {
		group(&b, c, g)
	}
	return b.String()
}

func group(b *strings.Builder, c *tokens.Catalogue, name string) {
	var contexts []string
	for _, x := range c.Contexts() {
		for _, g := range x.Groups {
			if g == name {
				contexts = append(contexts, x.Name)
			}
		}
	}
	fmt.Fprintf(b, "\n### %s\n\nIn the contexts: %s.\n\n| write | type | meaning | channels | only for | example | source |\n|---|---|---|---|---|---|---|\n",
		name, strings.Join(contexts, ", "))
	for _, t := range c.Tokens() {
		if t.Group == name {
			fmt.Fprintf(b, "| `{{%s}}` | %s | %s | %s | %s | `%s` | %s |\n",
				tokens.Spelling(t.Name), t.Type, t.Description, channels(t), code(t.OnlyFor), t.Example, t.Source)
		}
	}
}

func channels(t tokens.Token) string {
	switch {
	case t.Email && t.Webhook:
		return "both"
	case t.Email:
		return "email"
	default:
		return "webhook"
	}
}

func helperTable() string {
	var b strings.Builder
	b.WriteString("| helper | gives | options | example |\n|---|---|---|---|\n")
	for _, h := range tokens.Helpers() {
		name := h.Name
		if h.Block {
			name = "#" + name
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", name, h.Meaning, code(h.Options), h.Example)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func layoutTable() string {
	const moment = "2026-11-23T14:05:00Z"
	var b strings.Builder
	b.WriteString("| layout | example |\n|---|---|\n")
	for _, name := range format.Layouts() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, format.Moment(moment, name, time.UTC))
	}
	return strings.TrimSuffix(b.String(), "\n")
}
