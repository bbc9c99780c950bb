// Package api is what requests to JetStream have in common beyond nats.go: the
// subjects that it keeps to itself, and a bound in time.
package api

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// LastMessage is where the leader of a stream answers what its messages are.
func LastMessage(js jetstream.JetStream, stream string) string {
	return prefix(js) + "STREAM.MSG.GET." + stream
}

// Direct is where any replica of a stream answers what its messages are.
func Direct(js jetstream.JetStream, stream string) string {
	return prefix(js) + "DIRECT.GET." + stream
}

// NextMessages is where a pull consumer is asked for messages.
func NextMessages(js jetstream.JetStream, stream, consumer string) string {
	return prefix(js) + "CONSUMER.MSG.NEXT." + stream + "." + consumer
}

// Bound returns a context for one request. nats.go bounds a request only where
// its context has no deadline at all, and a request that was on its way when
// the connection broke is never answered.
func Bound(ctx context.Context, js jetstream.JetStream) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, js.Options().DefaultTimeout)
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
