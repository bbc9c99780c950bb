package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
)

// Amount is money as decimal text, such as "1234.50"; "" when unknown. It is
// never turned into a float.
type Amount string

// Valid reports whether a is a decimal of at most 18 digits before and 6
// behind the point, without an exponent.
func (a Amount) Valid() bool { return decimal.MatchString(string(a)) }

// UnmarshalJSON takes a string, or a number whose digits it keeps.
func (a *Amount) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(a))
	}
	if !decimal.Match(b) {
		return errors.New("amount is no decimal")
	}
	*a = Amount(b)
	return nil
}

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?$`)
