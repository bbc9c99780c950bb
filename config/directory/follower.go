package directory

import (
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/watch"
)

// follower keeps one bucket in the directory. loaded takes one receipt when the
// first values are all there.
func (d *Directory) follower(bucket string, loaded chan<- struct{}) *watch.Follower {
	return &watch.Follower{
		JetStream: d.settings.JetStream, Bucket: bucket, Logger: d.settings.Logger,
		Take: func(c watch.Change) {
			owner, id := setup.Split(c.Key)
			d.apply(change{bucket: bucket, owner: owner, id: id, value: c.Value, revision: c.Revision})
		},
		Loaded: func() { loaded <- struct{}{} },
	}
}
