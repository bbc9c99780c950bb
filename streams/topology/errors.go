package topology

import "errors"

// ErrPartitions is returned when streams exist that were made with another
// number of partitions than the settings say. Going on would break the order
// of events.
var ErrPartitions = errors.New("streams were made with another number of partitions")
