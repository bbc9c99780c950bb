// Package post makes the HTTPS requests of webhooks and says what became of
// each. It follows no redirect, asks no proxy and never skips the verification
// of a certificate; what it reads of an answer is bounded in bytes and time.
// It refuses to judge whether a failure is worth another attempt.
package post

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/billhook/billhook/shared/guard"
)

// Request is one attempt.
type Request struct {
	// URL is complete; it is shared and never changed.
	URL *url.URL
	// ContentType is the media type of Body; empty means application/json.
	ContentType string
	// Added are the header lines that the subscription adds: names that do not
	// repeat one another or one of those below.
	Added [][2]string
	// Proof says who sends it; nil where the signature alone does.
	Proof *Proof
	// ID is the webhook-id, Timestamp the webhook-timestamp in Unix seconds,
	// Signature the webhook-signature.
	ID        string
	Timestamp int64
	Signature string
	// Sequence is the billhook-sequence of ordered deliveries, else 0.
	Sequence uint64
	Body     []byte
}

// Answer is what became of a request.
type Answer struct {
	// Reason is empty when the receiver took the webhook, else a stable class;
	// Detail is for people and holds nothing secret.
	Reason, Detail string
	// Status is the HTTP status, 0 when none arrived.
	Status int
	// Header is the answer's; nil when none arrived.
	Header http.Header
	// Body is the first part of the answer's body, as valid UTF-8.
	Body string
	// RetryAfter is what the receiver asked for, 0 when nothing.
	RetryAfter time.Duration
	// Refused says, for the operator only, which address was not allowed.
	Refused string
	// Took is the time from the start to the end of the request.
	Took time.Duration
}

// Client makes requests. It may be used by many goroutines.
type Client struct {
	settings   Settings
	transport  *http.Transport
	identities identities
	kept       sync.Pool
}

// New returns a client.
func New(s Settings) *Client {
	return &Client{
		settings: s, transport: transport(&s), identities: identities{settings: &s, kept: map[string]*shown{}},
		kept: sync.Pool{New: func() any { return new([MaxKept]byte) }},
	}
}

// Close drops the idle connections. No request may be under way.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.identities.close()
}

// Transport is what all requests without an identity go through. Whoever uses
// it bounds the whole time of a request, and what is read of its answer.
func (c *Client) Transport() http.RoundTripper { return c.transport }

// Post makes one request. It ends within the total limit, or when ctx ends,
// with the reason [Cancelled].
func (c *Client) Post(ctx context.Context, r Request) Answer {
	start := c.settings.Now()
	within, cancel := context.WithTimeout(ctx, c.settings.Total)
	defer cancel()
	a := c.prove(within, r)
	if a.Reason != "" && ctx.Err() != nil {
		a.Reason, a.Detail = Cancelled, "the sender stopped"
	}
	a.Took = c.settings.Now().Sub(start)
	return a
}

// exchange goes to the transport itself: a client would follow redirects.
func (c *Client) exchange(ctx context.Context, r Request) Answer {
	way := c.transport
	if r.Proof != nil && r.Proof.Identity != nil {
		own := c.identities.take(r.Proof.Identity)
		defer c.identities.give(own)
		way = own.transport
	}
	resp, err := way.RoundTrip(request(ctx, r))
	if err != nil {
		reason, detail := Classify(err)
		return Answer{Reason: reason, Detail: detail, Refused: guard.Detail(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	a := Answer{Status: resp.StatusCode, Header: resp.Header, RetryAfter: retryAfter(resp.Header, c.settings.Now)}
	a.Reason, a.Detail = judge(resp.StatusCode)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return a // what follows is no body: no limit of time would end it
	}
	body, err := c.read(resp, r.Proof)
	a.Body = body
	if err != nil && a.Reason == "" {
		// The receiver did not finish its answer: what it did with the
		// webhook is unknown, and a repeat has the same id.
		a.Reason, a.Detail = ResponseBody, "the answer broke off"
		if reason, _ := Classify(err); reason == Timeout {
			a.Reason, a.Detail = Timeout, "the answer did not end in time"
		}
	}
	return a
}

// read returns the first part of the body, without what proves who we are. It
// reads on to the end where that is near, since only then the connection can be
// used again.
func (c *Client) read(resp *http.Response, p *Proof) (string, error) {
	if resp.Body == http.NoBody {
		return "", nil
	}
	space, ok := c.kept.Get().(*[MaxKept]byte)
	if !ok {
		space = new([MaxKept]byte)
	}
	defer c.kept.Put(space)
	n, err := fill(resp.Body, space[:])
	text := p.mask(string(space[:n]), n == MaxKept)
	text = strings.ToValidUTF8(text[:min(len(text), MaxKept)], "\ufffd")
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, MaxRead-MaxKept))
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// fill is [io.ReadFull] that keeps the reader's error: that one has the same
// error for a short body and for one that broke off.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

func request(ctx context.Context, r Request) *http.Request {
	req := (&http.Request{
		Method: http.MethodPost, URL: r.URL, Host: r.URL.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(r.Body)),
	}).WithContext(ctx)
	// Names are written as the specification spells them.
	req.Header = http.Header{
		"Content-Type":      {cmp.Or(r.ContentType, "application/json")},
		"User-Agent":        {UserAgent},
		"webhook-id":        {r.ID},
		"webhook-timestamp": {strconv.FormatInt(r.Timestamp, 10)},
		"webhook-signature": {r.Signature},
	}
	for _, line := range r.Added {
		req.Header[line[0]] = []string{line[1]}
	}
	r.Proof.write(req.Header)
	if r.Sequence > 0 {
		req.Header["billhook-sequence"] = []string{strconv.FormatUint(r.Sequence, 10)}
	}
	// With GetBody a request of which nothing was written yet moves to a new
	// connection when the kept one turns out to be closed.
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	req.Body = io.NopCloser(bytes.NewReader(r.Body))
	return req
}

// UserAgent is how requests name their sender.
const UserAgent = "Billhook/1"
