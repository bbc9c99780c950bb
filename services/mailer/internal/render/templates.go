package render

import (
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/tokens"
)

// templates are the compiled templates of one revision of a canned email in
// one language. A body that is absent is nil.
type templates struct{ subject, html, text *tokens.Template }

// templates returns the compiled templates, from the cache where they are in
// it. That a template is broken is kept too: each failed parse costs memory
// that never comes back.
func (r *Renderer) templates(m Mail) (*templates, error) {
	c := m.Canned
	k := key{owner: m.Owner, id: c.ID, revision: c.Revision, language: c.Language(m.Locale)}
	if e, ok := r.cache.get(k); ok {
		return e.templates, e.err
	}
	t, err := r.compile(c.In(k.language))
	r.cache.put(k, entry{t, err})
	return t, err
}

func (r *Renderer) compile(c email.Texts) (*templates, error) {
	t := &templates{}
	for _, part := range []struct {
		source string
		output tokens.Output
		to     **tokens.Template
	}{{c.Subject, tokens.HeaderLine, &t.subject}, {c.HTML, tokens.HTML, &t.html}, {c.Text, tokens.Text, &t.text}} {
		if part.source == "" {
			continue
		}
		parsed, err := r.catalogue.Parse(part.source, tokens.Use{Channel: delivery.Email, Output: part.output})
		if err != nil {
			return nil, err
		}
		*part.to = parsed
	}
	return t, nil
}
