package home

// Disk is how much room there is where the streams are.
type Disk struct {
	// Free is what an ordinary user may still write, Total the whole of it, in
	// bytes.
	Free, Total uint64
}

const gib = 1 << 30

// NearlyFull reports whether it is time to make room: less than 1 GiB is left,
// or less than 20 GiB that are less than a twentieth of the disk. Without room
// the server stores nothing more, and events are refused.
func (d Disk) NearlyFull() bool {
	return d.Free < gib || d.Free < 20*gib && d.Free < d.Total/20
}

// Disk looks at the disk of the streams.
func (h *Home) Disk() (Disk, error) { return disk(h.Store()) }
