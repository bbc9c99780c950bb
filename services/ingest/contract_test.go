package ingest_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/services/ingest/internal/contract/contracttest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

// obeys checks a message that was really sent: by its schema, and that it has
// no member which the contract does not know.
func obeys(t *testing.T, d *contracttest.Document, message string, data []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t, message, "payload", v); err != nil {
		t.Errorf("%s: %v", message, err)
	}
	known, _ := d.At("components", "messages", message, "payload", "properties").(map[string]any)
	for name := range v.(map[string]any) {
		if known[name] == nil {
			t.Errorf("the contract of %s does not know the member %s: %s", message, name, data)
		}
	}
}

func TestWhatIsAnsweredAndToldObeysTheContract(t *testing.T) {
	d := contracttest.Read(t)
	r := newRig(t, natstest.WithMaxPayload(4<<20))
	r.start(options{})
	nc := r.server.Conn(t)
	const most = 1 << 20 // of INBOX
	for _, body := range [][]byte{[]byte(plain("good")), []byte(`{"id":"bad"}`), {0, 1, 0xff}, make([]byte, most+1)} {
		answer, err := nc.RequestMsg(&nats.Msg{
			Subject: posted("acme"), Data: body, Header: nats.Header{"content-type": {"application/json"}},
		}, patience)
		if err != nil {
			t.Fatal(err)
		}
		obeys(t, d, "acknowledgement", answer.Data)
		if refused := bytes.Contains(answer.Data, []byte(`"error"`)); refused != (len(body) > most) {
			t.Errorf("%d bytes are answered with %s", len(body), answer.Data)
		}
	}
	for _, m := range r.read(topology.Rejected, 2) {
		obeys(t, d, "rejected", m.Data())
	}
	told := 0
	for _, m := range r.read(topology.Events, 2) {
		if strings.HasSuffix(m.Subject(), ".event.rejected") {
			told++
			obeys(t, d, "event.rejected.logged", m.Data())
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
