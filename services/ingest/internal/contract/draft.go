package contract

import (
	"strings"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tokens"
)

// The parameters of addresses, as they stand in them.
const (
	anyOwner  = "{owner}"
	anyReason = "{reason}"
)

// acknowledgement and rejected are the names of the channels that are of no
// event type.
const (
	acknowledgement = "acknowledgement"
	rejected        = "rejected"
)

// draft gathers the parts of the document.
type draft struct {
	catalogue *tokens.Catalogue
	rules     *rules.Rules

	channels, operations, messages, schemas object
}

// add adds an event type: with how a platform publishes it, or, where only
// Billhook does, with how it is read from the log.
func (d *draft) add(e tokens.EventType) error {
	data, err := d.data(e)
	if err != nil {
		return err
	}
	d.schemas[dataOf(e)] = data
	known, _ := d.rules.Type(e.Type) // every type of the catalogue is
	if known.Reserved {
		d.addLogged(e)
		return nil
	}
	d.addPublished(e, known.AccountRequired)
	return nil
}

func (d *draft) addPublished(e tokens.EventType, account bool) {
	messages := object{}
	for _, f := range forms() {
		name := e.Type + "." + f.name
		messages[f.name] = component("messages", name)
		d.messages[name] = f.message(form{event: e, account: account, example: d.catalogue.Example(e.Type)})
	}
	d.channels[e.Type] = object{
		"address": subject.Platform(anyOwner, e.Type), "title": e.Name, "description": fired(e),
		"parameters": object{"owner": component("parameters", "owner")}, "messages": messages,
	}
	d.operations["receive."+e.Type] = object{
		"action": "receive", "channel": ref("channels", e.Type), "summary": "Billhook takes in " + e.Type,
		"security": []any{component("securitySchemes", "publisher")},
		"reply": object{
			// The reply subject of a message is no header, but this is how an
			// address of it is said.
			"address": object{"location": "$message.header#/reply", "description": "the reply subject of the message"},
			"channel": ref("channels", acknowledgement),
		},
	}
}

func (d *draft) addLogged(e tokens.EventType) {
	name := e.Type + ".logged"
	d.messages[name] = logged(e, d.catalogue.Example(e.Type))
	d.channels[e.Type] = object{
		// The partition, which Billhook computes, stands where the filter has
		// its wildcard.
		"address": strings.Replace(subject.EventsOfOwner(anyOwner, e.Type), "*", "{partition}", 1),
		"title":   e.Name, "description": fired(e),
		"parameters": object{"owner": component("parameters", "owner"), "partition": component("parameters", "partition")},
		"messages":   object{"logged": component("messages", name)},
	}
	d.send(e.Type, "Billhook tells of "+e.Type)
}

// send adds the operation by which Billhook itself writes to a channel.
func (d *draft) send(channel, summary string) {
	d.operations["send."+channel] = object{
		"action": "send", "channel": ref("channels", channel), "summary": summary,
		"security": []any{component("securitySchemes", "operator")},
	}
}

func (d *draft) addAcknowledgement() {
	d.messages[acknowledgement] = acknowledged()
	d.channels[acknowledgement] = object{
		"address": nil, "title": "Acknowledgement",
		"description": "The server's answer to who published by a request, which is how it should be done: without an answer " +
			"nobody knows whether the event is stored.",
		"messages": object{acknowledgement: component("messages", acknowledgement)},
	}
}

func (d *draft) addRejected() error {
	example, err := refusal(d.rules)
	if err != nil {
		return err
	}
	var reasons []string
	for _, r := range admission.Reasons() {
		reasons = append(reasons, r.Name)
	}
	d.messages[rejected] = refused(reasons, example)
	d.channels[rejected] = object{
		"address": subject.Rejected(anyOwner, anyReason), "title": "Rejected events",
		"description": "What was acknowledged and then judged to be no event, with the reason, for REJECTED_MAX_AGE, in the stream " +
			"REJECTED.",
		"parameters": object{
			"owner":  component("parameters", "owner"),
			"reason": object{"description": "why it was refused", "enum": reasons},
		},
		"messages": object{rejected: component("messages", rejected)},
	}
	d.send(rejected, "Billhook keeps what it refused")
	return nil
}

// fired says in words what an event is.
func fired(e tokens.EventType) string {
	text := "An event of the context " + e.Context + ", published by: " + strings.Join(e.FiredBy, ", ") + "."
	if e.Settings != "" {
		text += " " + strings.ToUpper(e.Settings[:1]) + e.Settings[1:] + "."
	}
	return text
}
