package topology

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
)

// Documents that mails carry lie in object stores, one for each owner: the
// subjects of an object store hide the names of its objects, so permissions can
// tell owners apart by the store alone. The platform puts them there under
// [DocumentKey]; the mailer reads them.
const documents = "documents_"

// DocumentsOf is the name of an owner's object store.
func DocumentsOf(owner string) string { return documents + owner }

// DocumentStream is the name of the stream behind an owner's object store.
func DocumentStream(owner string) string { return "OBJ_" + DocumentsOf(owner) }

// DocumentSubjects matches what an owner's object store keeps.
func DocumentSubjects(owner string) string { return "$O." + DocumentsOf(owner) + ".>" }

// AllDocuments matches what all object stores keep.
const AllDocuments = "$O.>"

// Kinds of documents: what [DocumentKey] begins with.
const (
	InvoiceDocuments    = "invoice"
	CreditNoteDocuments = "credit-note"
)

// DocumentKey is the name under which the platform puts the document of an
// invoice or a credit note, by its id.
func DocumentKey(kind, id string) string { return kind + "/" + id }

// documentsAge is how long a document is kept.
const documentsAge = 90 * day

// EnsureDocuments makes the object store of an owner where it lacks, with as
// many copies as the bucket of owners has.
func EnsureDocuments(ctx context.Context, js jetstream.JetStream, owner string) error {
	str, err := js.Stream(ctx, BucketStream(Owners))
	if err != nil {
		return fault.New(fault.Unavailable, "find copies of bucket", Owners, err)
	}
	return ensureStream(ctx, js, documentStore(Settings{Replicas: str.CachedInfo().Config.Replicas}, owner))
}

// documentStore returns the stream behind an owner's object store, formed as
// nats.go forms it.
func documentStore(s Settings, owner string) jetstream.StreamConfig {
	c := stream(s, DocumentStream(owner), "")
	c.Description = "<kind>/<id>: documents that mails carry"
	c.Subjects = []string{"$O." + DocumentsOf(owner) + ".C.>", "$O." + DocumentsOf(owner) + ".M.>"}
	c.MaxAge, c.Discard, c.Duplicates = documentsAge, jetstream.DiscardNew, bucketDuplicates
	c.AllowRollup, c.AllowDirect = true, true
	return c
}
