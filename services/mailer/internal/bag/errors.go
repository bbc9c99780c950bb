package bag

import "errors"

// ErrTooLarge says that the letters of a delivery are larger than what can be
// kept for a retry.
var ErrTooLarge = errors.New("the letters of the delivery are too large together")

var errForm = errors.New("not a bag of letters")
