package smtp

import "strings"

// Mechanism is a way to log in, by its registered name (SASL) in lower case.
type Mechanism string

// The mechanisms. Those that end in -plus also bind the login to the TLS
// connection. XOAuth2 takes an access token in place of the password.
const (
	Plain           Mechanism = "plain"
	Login           Mechanism = "login"
	CRAMMD5         Mechanism = "cram-md5"
	SCRAMSHA1       Mechanism = "scram-sha-1"
	SCRAMSHA1Plus   Mechanism = "scram-sha-1-plus"
	SCRAMSHA256     Mechanism = "scram-sha-256"
	SCRAMSHA256Plus Mechanism = "scram-sha-256-plus"
	XOAuth2         Mechanism = "xoauth2"
)

// Mechanisms lists every [Mechanism].
func Mechanisms() []Mechanism {
	return []Mechanism{Plain, Login, CRAMMD5, SCRAMSHA1, SCRAMSHA1Plus, SCRAMSHA256, SCRAMSHA256Plus, XOAuth2}
}

func mechanisms() string {
	names := make([]string, len(Mechanisms()))
	for i, m := range Mechanisms() {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}
