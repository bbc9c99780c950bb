package document

import (
	"strconv"
	"strings"
)

// split returns the unescaped reference tokens of a pointer (RFC 6901).
func split(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, t := range tokens {
		tokens[i] = unescaper.Replace(t)
	}
	return tokens
}

var unescaper = strings.NewReplacer("~1", "/", "~0", "~")

func (v *Value) child(token string) (*Value, bool) {
	for i := range v.members {
		if v.members[i].name == token {
			return &v.members[i].value, true
		}
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(v.items) {
		return nil, false
	}
	return &v.items[i], true
}
