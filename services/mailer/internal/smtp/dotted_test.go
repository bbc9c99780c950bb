package smtp

import (
	"bufio"
	"bytes"
	"net/textproto"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What a server reads as the end of a letter, or as more of it, is said as the
// standard library says it.
func TestALetterIsEndedAsTextprotoEndsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := []byte(rapid.StringMatching(`([a.]{0,3}(\r\n|\n)){0,9}[a.]{1,2}`).Draw(t, "message"))
		if rapid.Bool().Draw(t, "whole") {
			message = append(message, "\r\n"...)
		}
		var want, got bytes.Buffer
		theirs := textproto.NewWriter(bufio.NewWriter(&want)).DotWriter()
		if _, err := theirs.Write(message); err != nil {
			t.Fatal(err)
		}
		if err := theirs.Close(); err != nil {
			t.Fatal(err)
		}
		ours := bufio.NewWriter(&got)
		dotted(ours, message)
		if err := ours.Flush(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Fatalf("(-textproto +ours):\n%s", diff)
		}
	})
}
