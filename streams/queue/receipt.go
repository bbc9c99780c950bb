package queue

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/billhook/billhook/streams/queue/handout"
)

// A receipt is a text of fixed length: four bytes that tell its queue, the sequence
// and the ticket. There is nothing in it to be kept from anybody: it is compared
// with what is stored of the very queue that the request names, so one that was
// made up, or is another queue's, is only unknown.
const receiptBytes = 4 + 8 + 8

var receipts = base64.RawURLEncoding.Strict()

// receiptOf writes a receipt; key is that of the state.
func receiptOf(key string, r handout.Receipt) string {
	b := make([]byte, 0, receiptBytes)
	b = append(b, mark(key)...)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, r.Ticket)
	return receipts.EncodeToString(b)
}

// parseReceipt reads a receipt; the zero one where the text is none of this queue.
func parseReceipt(key, text string) handout.Receipt {
	if len(text) != receipts.EncodedLen(receiptBytes) {
		return handout.Receipt{}
	}
	b, err := receipts.DecodeString(text)
	// The decoder passes over line ends, so it may have found less.
	if err != nil || len(b) != receiptBytes || string(b[:4]) != string(mark(key)) {
		return handout.Receipt{}
	}
	return handout.Receipt{Seq: binary.BigEndian.Uint64(b[4:]), Ticket: binary.BigEndian.Uint64(b[12:])}
}

// mark tells one queue's receipts from another's. None begins with the 62 that is
// written as "-": a receipt given to a command would look like a flag.
func mark(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	if sum[0]>>2 == 62 {
		sum[0] &= 0x7f
	}
	return sum[:4]
}
