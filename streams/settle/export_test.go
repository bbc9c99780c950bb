package settle

import "context"

// SweepBehind is one sweep, which else comes with time.
func (d *Desk) SweepBehind(ctx context.Context, floor uint64) (uint64, error) {
	return d.sweepBehind(ctx, floor)
}
