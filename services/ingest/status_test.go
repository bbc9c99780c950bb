package ingest_test

import "testing"

// The server's own remarks to a consumer are empty messages with these headers;
// a publisher can make messages that look the same.
func TestAMessageThatLooksLikeARemarkOfTheServerDoesNotHoldUpItsPartition(t *testing.T) {
	for _, status := range []string{"100", "404", "408", "409", "503"} {
		t.Run(status, func(t *testing.T) {
			r := newRig(t)
			r.start(options{})
			r.publish(posted("acme"), nil, map[string]string{"Status": status, "Description": "Consumer Deleted", "Nats-Pending-Messages": "1000"})
			r.publish(posted("acme"), []byte(plain("next")), nil)
			if e := r.published(1)[0]; e.ID != "next" {
				t.Errorf("got %s", e.ID)
			}
			if n := len(r.rejected(1)); n != 1 {
				t.Errorf("%d rejected", n)
			}
		})
	}
}
