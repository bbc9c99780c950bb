package render

import "errors"

// ErrBroken says that a canned email has a template which breaks a rule. It is
// never rendered.
var ErrBroken = errors.New("canned email has a broken template")
