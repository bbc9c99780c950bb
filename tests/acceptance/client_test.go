package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/tests/client"
)

// setUpByClient does by a client that a public generator made of the document
// what the demo does by "billhook apply": it configures the whole owner,
// publishes, and reads of every delivery.
func setUpByClient(t *testing.T, w *world) {
	scenario, err := demo.New(time.Now(), 8*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	w.board = demo.NewBoard(scenario.Expected)
	api := w.client(t)
	secret := api.apply(t, scenario.Seed)
	for _, e := range scenario.Expected {
		if err := w.receivers.Web.Expect(demo.WebhookBase+"/"+e.Type, secret); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range scenario.Events {
		if e.Type == demo.AfterChange {
			continue
		}
		api.publish(t, e)
	}
	w.until(t, "the mail before the change", func() bool { return w.board.HasType("email", "account.status_change") })
	api.change(t)
	for _, e := range scenario.Events {
		if e.Type == demo.AfterChange {
			api.publish(t, e)
		}
	}
	w.until(t, "everything", func() bool { return len(w.board.Missing()) == 0 })
	if strange := w.board.Strange(); len(strange) > 0 {
		t.Errorf("arrived although nobody expected it: %v", strange)
	}
	api.delivered(t, len(scenario.Expected))
}

// publicClient is the generated client with the operator's key.
type publicClient struct {
	*client.ClientWithResponses
	// kinds create a resource of a document of "billhook apply".
	kinds map[string]creation
}

// creation creates a resource of an owner.
type creation func(ctx context.Context, owner string, document []byte) (answered, error)

// answered is what every answer of the client has.
type answered interface {
	StatusCode() int
	GetBody() []byte
}

// client returns a client of the running product.
func (w *world) client(t *testing.T) *publicClient {
	t.Helper()
	key := strings.TrimSpace(lastLine(w.run(t, "", "keys", "create", "--operator")))
	c, err := client.NewClientWithResponses(w.http, client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return &publicClient{c, map[string]creation{
		"owner": func(ctx context.Context, _ string, document []byte) (answered, error) {
			body, err := strictly[client.CreateOwnerJSONRequestBody](document)
			if err != nil {
				return nil, err
			}
			return c.CreateOwnerWithResponse(ctx, nil, body)
		},
		"contact-type":  by(c.CreateContactTypeWithResponse),
		"account":       by(c.CreateAccountWithResponse),
		"smtp-settings": by(c.CreateSMTPSettingsWithResponse),
		"canned-email":  by(c.CreateCannedEmailWithResponse),
		"endpoint":      by(c.CreateEndpointWithResponse),
		"subscription":  by(c.CreateSubscriptionWithResponse),
	}}
}

// by creates by one of the client's operations.
func by[P, B any, R answered](create func(context.Context, string, *P, B, ...client.RequestEditorFn) (R, error)) creation {
	return func(ctx context.Context, owner string, document []byte) (answered, error) {
		body, err := strictly[B](document)
		if err != nil {
			return nil, err
		}
		return create(ctx, owner, nil, body)
	}
}

// strictly reads a document into a type of the client, which must know every
// member of it.
func strictly[B any](document []byte) (B, error) {
	var body B
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.DisallowUnknownFields()
	return body, dec.Decode(&body)
}

// apply creates what a file has and returns the signing secret that was issued.
func (c *publicClient) apply(t *testing.T, file string) (secret string) {
	t.Helper()
	docs, problems := document.ParseYAML([]byte(file))
	if problems != nil {
		t.Fatal(problems)
	}
	for _, doc := range docs {
		kind, _ := doc.Take("kind")
		owner, _ := doc.Take("owner")
		create, ok := c.kinds[kind]
		if !ok {
			t.Fatalf("the client creates no %s", kind)
		}
		a, err := create(t.Context(), owner, doc.JSON())
		if err != nil {
			t.Fatalf("%s: %v", doc.JSON(), err)
		}
		if a.StatusCode() != http.StatusCreated {
			t.Fatalf("%s: status %d: %s", doc.JSON(), a.StatusCode(), a.GetBody())
		}
		if e, ok := a.(*client.CreateEndpointResponse); ok {
			secret = *e.JSON201.Issued.Secret
		}
	}
	return secret
}

// change makes the service relay the default.
func (c *publicClient) change(t *testing.T) {
	t.Helper()
	docs, problems := document.ParseYAML([]byte(demo.ChangeDefault))
	if problems != nil {
		t.Fatal(problems)
	}
	docs[0].Take("kind")
	docs[0].Take("owner")
	id, _ := docs[0].Peek("id")
	body, err := strictly[client.ReplaceSMTPSettingsJSONRequestBody](docs[0].JSON())
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.ReplaceSMTPSettingsWithResponse(t.Context(), demo.Owner, id, nil, body)
	if err != nil || a.JSON200 == nil || !*a.JSON200.Default {
		t.Fatalf("%v: %s", err, a.GetBody())
	}
}

func (c *publicClient) publish(t *testing.T, e demo.Event) {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	body, err := strictly[client.PublishEventJSONRequestBody](text)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.PublishEventWithResponse(t.Context(), demo.Owner, body)
	if err != nil || a.JSON202 == nil || a.JSON202.Status != "accepted" {
		t.Fatalf("%s: %v: %s", text, err, a.GetBody())
	}
}

// delivered waits until so many deliveries are said to have arrived: an outcome
// is stored after the arrival.
func (c *publicClient) delivered(t *testing.T, want int) {
	t.Helper()
	result := client.ListDeliveriesParamsResult("delivered")
	for late := time.Now().Add(3 * time.Minute); ; {
		a, err := c.ListDeliveriesWithResponse(t.Context(), demo.Owner, &client.ListDeliveriesParams{Result: &result})
		if err != nil || a.JSON200 == nil {
			t.Fatalf("%v: %s", err, a.GetBody())
		}
		if len(a.JSON200.Items) == want {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d deliveries arrived, want %d: %s", len(a.JSON200.Items), want, a.GetBody())
		}
	}
}
