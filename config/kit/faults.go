//go:build !faults

package kit

// faults is nil: a production build has no fault points.
func faults() func(point string) { return nil }
