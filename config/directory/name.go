package directory

import "github.com/billhook/billhook/streams/notice"

// Name returns the name, for people, of what a notice is about; empty where
// there is none, or where its bucket is not watched.
func (d *Directory) Name(k notice.Kind, owner, thing string) string {
	snap := d.Owner(owner)
	switch k {
	case notice.EndpointDisabled, notice.EndpointThrottled, notice.EndpointRecovered:
		if e := snap.Endpoints[thing]; e != nil {
			return e.Name
		}
	case notice.SMTPSettingsPaused:
		if s, ok := snap.SMTP.Find(thing); ok {
			return s.Name
		}
	case notice.SubscriptionPaused, notice.DeliveryParked:
		if s := snap.Subscriptions[thing]; s != nil {
			return s.Name
		}
	case notice.QueueOvertaken:
		if q := snap.Queues[thing]; q != nil {
			return q.Name
		}
	case notice.EventRejected:
	}
	return ""
}
