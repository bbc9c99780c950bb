package fence

import "errors"

// ErrFenced is returned when somebody else wrote inside the fence since the
// writer last looked: another holder took over, or a former one was late.
var ErrFenced = errors.New("another writer was inside the fence")
