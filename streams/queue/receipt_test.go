package queue

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/queue/handout"
)

func TestAReceiptIsReadAsItWasWrittenByItsQueueAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := handout.Receipt{Seq: rapid.Uint64().Draw(t, "seq"), Ticket: rapid.Uint64().Draw(t, "ticket")}
		text := receiptOf("acme.erp.1", want)
		if got := parseReceipt("acme.erp.1", text); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
		if got := parseReceipt("acme.erp.2", text); got != (handout.Receipt{}) {
			t.Fatalf("another queue's: %+v", got)
		}
	})
}

func TestNoReceiptLooksLikeAFlagOfACommand(t *testing.T) {
	want := handout.Receipt{Seq: 1, Ticket: 2}
	for i := range 1000 {
		key := "acme.erp." + strconv.Itoa(i)
		text := receiptOf(key, want)
		if text[0] == '-' {
			t.Errorf("%s: %s", key, text)
		}
		if got := parseReceipt(key, text); got != want {
			t.Errorf("%s: %s is read as %+v", key, text, got)
		}
	}
}

// FuzzReceipt holds that there is one text for each receipt, so that none can be
// presented in two ways.
func FuzzReceipt(f *testing.F) {
	f.Add(receiptOf("acme.erp.1", handout.Receipt{Seq: 1, Ticket: 2}))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("7Sk7PA00000000000\r\r\r0000000") // a request could end the process
	f.Fuzz(func(t *testing.T, text string) {
		r := parseReceipt("acme.erp.1", text)
		if r == (handout.Receipt{}) {
			return
		}
		if again := receiptOf("acme.erp.1", r); again != text {
			t.Errorf("%q and %q are the same receipt", text, again)
		}
	})
}
