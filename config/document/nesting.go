package document

import (
	"strconv"

	"github.com/goccy/go-yaml/token"

	"github.com/billhook/billhook/shared/fault"
)

// MaxDocuments is the greatest number of documents in a stream.
const MaxDocuments = 10_000

// checkNesting refuses what would cost the parser too much. Reading tokens is
// linear; the parser recurses on nesting, without a limit (measured: 100,000
// brackets took it 64 s), and a stack that overflows ends the process.
func checkNesting(stream token.Tokens) fault.Problems {
	flow, entries, line, documents := 0, 0, 0, 0
	for _, t := range stream {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			entries++ // each of them may nest within one line
		case token.DocumentHeaderType:
			if documents++; documents > MaxDocuments {
				return problem("", "document.size", "has more than "+strconv.Itoa(MaxDocuments)+" documents")
			}
			flow = 0
		}
		if max(flow, entries) > MaxDepth {
			p := tooDeep("")
			p[0].Line, p[0].Column = t.Position.Line, t.Position.Column
			return p
		}
	}
	return nil
}
