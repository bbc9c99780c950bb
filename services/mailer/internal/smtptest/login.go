package smtptest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what CRAM-MD5 is made of
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// login returns the server's part of a mechanism.
func login(mechanism string, judge func(user, password string) error) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return judge(user, password) }), nil
	case "LOGIN":
		return &steps{ask: []string{"Username:", "Password:"}, judge: func(said []string) error { return judge(said[0], said[1]) }}, nil
	case "CRAM-MD5":
		return &steps{ask: []string{challenge}, judge: func(said []string) error {
			user, digest, _ := strings.Cut(said[0], " ")
			h := hmac.New(md5.New, []byte(Password))
			h.Write([]byte(challenge))
			if digest != hex.EncodeToString(h.Sum(nil)) {
				return smtp.ErrAuthFailed
			}
			return judge(user, Password)
		}}, nil
	case "XOAUTH2":
		return &steps{ask: []string{""}, judge: func(said []string) error {
			var user, token string
			if _, err := fmt.Sscanf(strings.ReplaceAll(said[0], "\x01", " "), "user=%s auth=Bearer %s", &user, &token); err != nil {
				return smtp.ErrAuthFailed
			}
			return judge(user, token)
		}}, nil
	default:
		return nil, smtp.ErrAuthUnknownMechanism
	}
}

const challenge = "<1896.697170952@example.com>"

// steps asks one thing after another and then judges.
type steps struct {
	ask   []string
	said  []string
	judge func(said []string) error
}

// Next implements sasl.Server.
func (s *steps) Next(response []byte) ([]byte, bool, error) {
	if response != nil {
		s.said = append(s.said, string(response))
	}
	if len(s.said) < len(s.ask) {
		return []byte(s.ask[len(s.said)]), false, nil
	}
	return nil, true, s.judge(s.said)
}
