package contract

import (
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/permission"
)

// introduction is what the document says about itself.
const introduction = "How a platform publishes events to Billhook over NATS, what it is answered, and what Billhook itself tells. " +
	"An event is published to a subject of its owner and type, in one of three forms: plain JSON, a structured CloudEvent, or " +
	"a binary one. The acknowledgement says that it is stored; whether it is an event is judged then, and what is none goes to " +
	"the channel rejected. What is taken is in the log in the order of the acknowledgements. Set no Nats-Msg-Id: repeats are " +
	"found by the event's own id. A message has at most 256 KiB."

// servers are where the contract holds.
func servers() object {
	return object{"billhook": object{
		"host": "127.0.0.1:4222", "protocol": "nats",
		"description": "The server of \"billhook up\", as NATS_ADDR says, or the cluster on which the services run.",
	}}
}

// credentials are what users of the contract log in with.
func credentials() object {
	publisher := permission.PublisherUser("<owner>")
	return object{
		"publisher": object{
			"type": "userPassword",
			"description": "The user is " + publisher + ", the password an API key of that owner that may publish, or, where the " +
				"services run apart, that of the server's configuration. Its reply prefix is " + permission.InboxPrefix(publisher) +
				", and it may publish for its owner only.",
		},
		permission.Operator: object{"type": "userPassword", "description": "The operator, who alone reads the streams."},
	}
}

// parameters are those of addresses.
func parameters() object {
	return object{
		"owner":     object{"description": "The id of the owner: " + id.Rule + ".", "examples": []any{"acme"}},
		"partition": object{"description": "The partition of the owner, which Billhook computes.", "examples": []any{"3"}},
	}
}
