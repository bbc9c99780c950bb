package settle

import "errors"

// errCut says that a reading of outcomes ended before its end.
var errCut = errors.New("fewer outcomes came than there were")

// errLed ends a reading that has found what it sought.
var errLed = errors.New("a retry leads on")
