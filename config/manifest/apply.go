package manifest

import (
	"context"
	"fmt"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/secret"
)

// Options says how a file is applied.
type Options struct {
	// DryRun judges everything and saves nothing.
	DryRun bool
	Files  Files
}

// Item is what became of one document.
type Item struct {
	// Number counts the documents of the file, from 1.
	Number int          `json:"document"`
	Kind   Kind         `json:"kind"`
	Owner  string       `json:"owner"`
	ID     string       `json:"id"`
	Action setup.Action `json:"action"`
	// Fields are the values that differ.
	Fields []Field `json:"fields,omitempty"`
	// Issued is a secret made for the resource. It is shown this once; a dry
	// run has none.
	Issued secret.Text `json:"-"`
	// PublicKey is the public part of a key pair of the resource; see
	// [setup.Change].
	PublicKey string `json:"public_key,omitempty"`
}

// Apply saves the documents of a file. It fails with a [Refusal] when any
// breaks a rule; then nothing is saved. A failure later on comes with the items
// that were saved before it: applying the file again does the rest.
func Apply(ctx context.Context, s *store.Store, data []byte, o Options) ([]Item, error) {
	docs, err := Parse(data, o.Files)
	if err != nil {
		return nil, err
	}
	changes, err := judge(ctx, s, docs)
	if err != nil {
		return nil, err
	}
	var items []Item
	for i, doc := range docs {
		c := changes[i]
		if !o.DryRun {
			if c, err = doc.resource.save(ctx, doc.Owner, s); err != nil {
				return items, fmt.Errorf("apply document %d (%s %s), %d of %d saved before: %w", doc.Number, doc.Kind, doc.ID, len(items), len(docs), err)
			}
		}
		items = append(items, doc.item(c, o.DryRun))
	}
	return items, nil
}

func (d *Document) item(c setup.Change, dryRun bool) Item {
	item := Item{Number: d.Number, Kind: d.Kind, Owner: d.Owner, ID: d.ID, Action: c.Action}
	if c.Action != setup.Unchanged {
		item.Fields = diff(c)
	}
	if !dryRun {
		item.Issued, item.PublicKey = c.Issued, c.PublicKey
	}
	return item
}
