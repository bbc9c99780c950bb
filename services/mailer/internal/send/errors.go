package send

import "errors"

// errNoSettings says that an owner has no SMTP settings to send through.
var errNoSettings = errors.New("there are no SMTP settings to send through")

// errUnreadable says that the password of SMTP settings cannot be opened, which
// is the operator's to repair; the detail is in the log.
var errUnreadable = errors.New("the password of the SMTP settings cannot be read")
