package suppression

import (
	"errors"

	"github.com/billhook/billhook/shared/id"
)

// errAsIs says that a change would change nothing.
var errAsIs = errors.New("as it is")

var errOwner = errors.New("an identifier is " + id.Rule)
