package setup

import (
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/secret"
)

// maxPassword is in characters; access tokens are long.
const maxPassword = 8 << 10

// smtpGiven is a document with secrets, and what seals them.
type smtpGiven struct {
	smtp.Document
	sealer *secret.Sealer
}

// smtpSecrets keeps, replaces or drops the secrets of SMTP settings.
func smtpSecrets(r *field.Report, w *write, next *smtp.Settings, given smtpGiven) error {
	if given.Password != nil {
		r.Line("/password", given.Password.Reveal(), maxPassword)
	}
	changed, err := keepSecret(given.sealer, smtp.Place(w.owner, next.ID), &next.Password, given.Password)
	if err != nil {
		return err
	}
	if changed {
		w.secrets = append(w.secrets, "/password")
	}
	if next.Username != "" && next.Password == "" {
		r.Add("/password", "field.required", "a username needs a password")
	}
	if changed, err = dkimKey(r, w, next, given); changed {
		w.secrets = append(w.secrets, "/dkim_key")
	}
	return err
}

// checkMoved wants the password again when the server changes: otherwise
// whoever may edit could have the kept one sent to a server of his own.
func checkMoved(r *field.Report, former, next *smtp.Settings, password *secret.Text) {
	moved := former.Host != next.Host || former.Port != next.Port || former.TLS != next.TLS
	if moved && former.Password != "" && password == nil {
		r.Add("/password", "password.again", "must be given again when host, port or tls change")
	}
}

// dkimKey does so for the key that letters are signed with. Whoever gives one
// is told the record of its public part.
func dkimKey(r *field.Report, w *write, next *smtp.Settings, given smtpGiven) (changed bool, err error) {
	if next.DKIM == nil {
		if given.DKIMKey != nil && !given.DKIMKey.Empty() {
			r.Add("/dkim_key", "dkim.none", "there is no dkim that it could be the key of")
		}
		changed, next.DKIMKey = next.DKIMKey != "", ""
		return changed, nil
	}
	if given.DKIMKey != nil && !given.DKIMKey.Empty() {
		key, err := smtp.ParseKey(*given.DKIMKey)
		if err != nil {
			r.Add("/dkim_key", "dkim.key", err.Error())
			return false, nil
		}
		if w.publicKey, err = smtp.Record(next.DKIM, key); err != nil {
			return false, err
		}
	}
	changed, err = keepSecret(given.sealer, smtp.DKIMPlace(w.owner, next.ID), &next.DKIMKey, given.DKIMKey)
	if next.DKIMKey == "" {
		r.Add("/dkim_key", "field.required", "dkim needs its private key")
	}
	return changed, err
}
