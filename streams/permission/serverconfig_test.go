package permission_test

import (
	"testing"

	"github.com/billhook/billhook/streams/permission"
)

func TestPublishersDoNotSharePasswords(t *testing.T) {
	for name, c := range map[string]struct {
		owners []string
		rule   string
	}{
		"apart":                 {[]string{"acme", "other"}, ""},
		"hyphen and underscore": {[]string{"a-b", "a_b"}, "publisher.password"},
		"upper and lower case":  {[]string{"acme", "Acme"}, "publisher.password"},
		"the same twice":        {[]string{"acme", "acme"}, "publisher.password"},
		"no identifier":         {[]string{"acme.>"}, "id.form"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if p := permission.CheckPublishers(c.owners); len(p) > 0 {
				got = p[0].Rule
			}
			if got != c.rule {
				t.Errorf("rule %q, want %q", got, c.rule)
			}
		})
	}
}
