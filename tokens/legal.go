package tokens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

// shownTokens bounds the list of legal tokens in a message.
const shownTokens = 20

// token returns the token that is named, or refuses it.
func (k *compiler) token(n *syntax.Token) (Token, bool) {
	t, ok := k.catalogue.Token(n.Name)
	if !ok {
		if _, helper := helpers[n.Name]; helper {
			k.refuse(n.Pos, "helper.arguments", n.Name+" is a helper and needs arguments: "+helpers[n.Name].example)
			return Token{}, false
		}
		k.refuse(n.Pos, "token.unknown", "there is no token "+quote(n.Name)+k.advice(n.Name))
		return Token{}, false
	}
	if rule, why := k.refusal(t); rule != "" {
		k.refuse(n.Pos, rule, "token "+quote(n.Name)+" "+why+k.advice(n.Name))
		return Token{}, false
	}
	k.used[t.Name] = true
	return t, true
}

// refusal says why a token may not be used here, if so.
func (k *compiler) refusal(t Token) (rule, why string) {
	if !t.On(k.use.Channel) {
		if t.Group == Contact {
			return "token.channel", "is for email only"
		}
		return "token.channel", "is not for the channel " + string(k.use.Channel)
	}
	var lacking []string
	for _, name := range k.use.Events {
		if e, ok := k.catalogue.Event(name); ok && !e.Offers(t) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return "", ""
	}
	return "token.event", "is not available in " + few(lacking, 5) + " (it is in " + few(k.catalogue.offering(t), 5) + ")"
}

// offering returns the types of the events that offer a token.
func (c *Catalogue) offering(t Token) []string {
	var out []string
	for _, e := range c.events {
		if e.Offers(t) && e.Subscribable() {
			out = append(out, e.Type)
		}
	}
	return out
}

// advice names the nearest legal token and what is legal. Problems beyond those
// that are shown need none.
func (k *compiler) advice(name string) string {
	if len(k.problems) >= MaxProblems {
		return ""
	}
	if k.legal == nil {
		k.legal = k.catalogue.where(func(t Token) bool {
			rule, _ := k.refusal(t)
			return rule == ""
		})
	}
	names := make([]string, len(k.legal))
	for i, t := range k.legal {
		names[i] = t.Name
	}
	names = byDistance(name, names)
	if len(names) == 0 {
		return "; no token is legal here"
	}
	nearest := "; the nearest legal token is {{" + Spelling(names[0]) + "}}"
	for i := range names {
		names[i] = Spelling(names[i])
	}
	return nearest + "; legal are " + few(names, shownTokens)
}

// few lists the first of many.
func few(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
}

// Legal returns the tokens that a template for a use may hold, in the order of
// the data.
func (c *Catalogue) Legal(events []string, channel delivery.Channel) []Token {
	k := compiler{catalogue: c, use: Use{Events: events, Channel: channel}}
	return slices.Clip(c.where(func(t Token) bool {
		rule, _ := k.refusal(t)
		return rule == ""
	}))
}

// Spelling returns how a token is written between {{ and }}: parts with a space
// stand in brackets.
func Spelling(token string) string {
	parts := strings.Split(token, ".")
	for i, part := range parts {
		if strings.Contains(part, " ") {
			parts[i] = "[" + part + "]"
		}
	}
	return strings.Join(parts, ".")
}
