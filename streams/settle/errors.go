package settle

import "errors"

// errCut says that a reading of outcomes ended before its end.
var errCut = errors.New("fewer outcomes came than there were")
