package fence

// Fence is a part of a stream that one writer at a time may write: all its
// writers must use the same filter string, since the server compares it as
// text while writes are under way.
type Fence struct {
	Stream string
	Filter string
}

// Zero reports whether there is no fence.
func (f Fence) Zero() bool { return f == Fence{} }
