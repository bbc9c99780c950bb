package command

import (
	"encoding/json"
	"io"
)

// printJSON writes a list as JSON texts, one to a line.
func printJSON[T any](w io.Writer, list []T) error {
	out := json.NewEncoder(w)
	for i := range list {
		if err := out.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}
