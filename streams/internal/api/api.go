// Package api names subjects of the JetStream API that nats.go keeps to
// itself.
package api

import (
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// LastMessage is where the leader of a stream answers what its messages are.
func LastMessage(js jetstream.JetStream, stream string) string {
	return prefix(js) + "STREAM.MSG.GET." + stream
}

// NextMessages is where a pull consumer is asked for messages.
func NextMessages(js jetstream.JetStream, stream, consumer string) string {
	return prefix(js) + "CONSUMER.MSG.NEXT." + stream + "." + consumer
}

func prefix(js jetstream.JetStream) string {
	o := js.Options()
	switch {
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	default:
		return jetstream.DefaultAPIPrefix
	}
}
