package event

import "errors"

// errYear is the cause when an event's time has no RFC 3339 form.
var errYear = errors.New("the year is outside 0 to 9999")
