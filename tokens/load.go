package tokens

import (
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

//go:embed data/*.csv
var data embed.FS

// Load reads and validates the catalogue that is built in. An error means that
// the data contradicts itself and names every row that does.
func Load() (*Catalogue, error) {
	folder, err := fs.Sub(data, "data")
	if err != nil {
		return nil, fault.New(fault.Internal, "load catalogue", "data", err)
	}
	return load(folder)
}

// load reads the three tables of a folder.
func load(folder fs.FS) (*Catalogue, error) {
	c := &Catalogue{byType: map[string]int{}, byName: map[string]int{}, byToken: map[string]int{}}
	err := errors.Join(
		read(folder, "contexts.csv", []string{"token_context", "token_groups", "source"}, c.addContext),
		read(folder, "events.csv", []string{"name", "type", "aliases", "token_context", "origin", "fired_by",
			"invoicing", "useful_filters", "settings"}, c.addEvent),
		read(folder, "tokens.csv", []string{"group", "token", "type", "description", "email", "webhook",
			"only_for", "example", "source"}, c.addToken),
	)
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "load catalogue", "", err)
	}
	return c, nil
}

// read hands every row of a table to add, after its header was found to be the
// expected one. It goes on after a bad row, to name them all.
func read(folder fs.FS, name string, header []string, add func(row []string) error) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r := csv.NewReader(f)
	got, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !slices.Equal(got, header) {
		return fmt.Errorf("%s: header is %q, want %q", name, got, header)
	}
	var bad []error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(bad...)
		}
		if err == nil {
			err = add(row)
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("%s near byte %d: %w", name, r.InputOffset(), err))
		}
	}
}

// cells splits a cell that holds several values.
func cells(cell string) []string {
	var out []string
	for part := range strings.SplitSeq(cell, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// yes reads a cell that holds yes or no.
func yes(column, cell string) (bool, error) {
	if cell != "yes" && cell != "no" {
		return false, fmt.Errorf("%s is %q, want yes or no", column, cell)
	}
	return cell == "yes", nil
}
