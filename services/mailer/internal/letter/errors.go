package letter

import "errors"

// errEmpty is returned for a letter that nobody would get or that says nothing.
var errEmpty = errors.New("no recipient or no body")
