package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits. Together they bound what the parser and the walk of a tree can
// take in time and stack.
const (
	MaxBytes  = 64 << 10 // of the source
	MaxDepth  = 20       // of blocks, an "else if" counted as one more
	MaxNested = 4        // of helpers inside helpers
	MaxTags   = 2000     // of everything between {{ and }}
	MaxName   = 200      // bytes of a name or a literal
)

// admit refuses what is no text of a bearable size.
func admit(src string) *Problem {
	if len(src) > MaxBytes {
		return &Problem{0, "template.size", fmt.Sprintf("has %d bytes; at most %d are allowed", len(src), MaxBytes)}
	}
	for i := 0; i < len(src); {
		r, width := utf8.DecodeRuneInString(src[i:])
		if r == utf8.RuneError && width == 1 {
			return &Problem{i, "template.encoding", fmt.Sprintf("byte 0x%02x is not valid UTF-8", src[i])}
		}
		if r < ' ' && !strings.ContainsRune("\t\n\r", r) || r == 0x7f {
			return &Problem{i, "template.control", fmt.Sprintf("holds the control character U+%04X", r)}
		}
		i += width
	}
	return nil
}
