package webhooksender_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// connections is the number of requests at a time, of the bare loop and of the
// endpoint.
const connections = 64

// sink counts webhooks whose signature is right.
type sink struct {
	judge *standardwebhooks.Webhook
	good  atomic.Int64
	want  int64
	all   chan struct{}
}

func newSink(b *testing.B, secret string, want int) *sink {
	b.Helper()
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		b.Fatal(err)
	}
	return &sink{judge: judge, want: int64(want), all: make(chan struct{})}
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || s.judge.Verify(body, r.Header) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	if s.good.Add(1) == s.want {
		close(s.all)
	}
}

// spent is the processor time that the process took so far, in seconds. On a
// machine that does other work it says more than the rate.
func spent(b *testing.B) float64 {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// report gives the rate and the processor time of n webhooks.
func report(b *testing.B, n int, before float64) {
	b.Helper()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "webhooks/s")
	b.ReportMetric((spent(b)-before)*1000/float64(n), "cpu-s/1000")
}

// BenchmarkBareLoop posts signed webhooks as plainly as Go can: the measure
// for the sender.
func BenchmarkBareLoop(b *testing.B) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		b.Fatal(err)
	}
	s := newSink(b, secret, b.N)
	srv := httptest.NewTLSServer(s)
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	p := poster{url: srv.URL, judge: judge, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: connections,
	}}}
	defer p.client.CloseIdleConnections()
	before := spent(b)
	b.ResetTimer()
	var next atomic.Int64
	var work sync.WaitGroup
	for range connections {
		work.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				p.post(b, n)
			}
		})
	}
	work.Wait()
	report(b, b.N, before)
}

// poster is the bare client.
type poster struct {
	client *http.Client
	url    string
	judge  *standardwebhooks.Webhook
}

func (p poster) post(b *testing.B, n int64) {
	body := fmt.Appendf(nil, `{"type":"invoice.posted","timestamp":"2026-05-01T12:00:00Z","id":"evt_%d","owner":"acme","account":"A-1",`+
		`"data":{"Account.Id":"A-1","Account.Name":"Northwind Telecom","Invoice.Number":"INV-%d","Invoice.Total":"%d.50"}}`, n, n, n)
	req, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	id, now := "dlv_"+strconv.FormatInt(n, 10), time.Now()
	signed, err := p.judge.Sign(id, now, body)
	if err != nil {
		b.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", signed)
	resp, err := p.client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// BenchmarkSender delivers what lies in DELIVERIES: events are read, bodies
// rendered, requests signed, outcomes recorded, tasks settled.
func BenchmarkSender(b *testing.B) {
	for _, fanOut := range []int{1, 10} {
		b.Run(fmt.Sprint("fan-out-", fanOut), func(b *testing.B) { benchmarkSender(b, fanOut) })
		b.Run(fmt.Sprint("synced-fan-out-", fanOut), func(b *testing.B) { benchmarkSender(b, fanOut, natstest.WithSyncAlways()) })
	}
}

func benchmarkSender(b *testing.B, fanOut int, opts ...natstest.Option) {
	r := newRig(b, opts...)
	subs := make([]string, fanOut)
	for i := range subs {
		subs[i] = fmt.Sprint("s", i)
	}
	made, err := r.store.PutEndpoint(b.Context(), acme, endpoint.Document{Spec: endpoint.Spec{ID: "e", Name: "e", URL: "https://" + host, InFlight: connections}})
	r.must(err)
	for _, sub := range subs {
		_, err := r.store.PutSubscription(b.Context(), acme, subscription.Spec{
			ID: sub, Name: sub, Events: []string{"invoice.posted"}, Channel: delivery.Webhook,
			Webhook: &subscription.Webhook{Endpoint: "e"},
		})
		r.must(err)
	}
	events := (b.N + fanOut - 1) / fanOut
	s := newSink(b, made.Issued.Reveal(), events*fanOut)
	r.receiver.srv.Config.Handler = s
	r.load(events, subs)
	cfg := config()
	cfg.Concurrency, cfg.Waiting, cfg.MaxAckPending = 256, 512, 1024
	before := spent(b)
	b.ResetTimer()
	i := r.run(cfg)
	select {
	case <-s.all:
	case <-time.After(patience):
		b.Fatalf("%d of %d arrived", s.good.Load(), s.want)
	}
	r.settled()
	b.StopTimer()
	report(b, int(s.want), before)
	i.end()
}

// load stores events and their deliveries.
func (r *rig) load(events int, subs []string) {
	r.t.Helper()
	var log, deliveries []*nats.Msg
	for n := 1; n <= events; n++ {
		ev := &event.Event{
			ID: fmt.Sprintf("evt_%d", n), Type: "invoice.posted", Owner: acme, Account: "A-1", Time: time.Unix(1_770_000_000, 0).UTC(),
			Data: event.Values{
				"Account.Id": event.Str("A-1"), "Account.Name": event.Str("Northwind Telecom"),
				"Invoice.Number": event.Str(fmt.Sprint("INV-", n)), "Invoice.Total": event.Str(fmt.Sprintf("%d.50", n)),
			},
		}
		data, err := ev.Encode()
		r.must(err)
		log = append(log, &nats.Msg{Subject: subject.Event(part, acme, ev.Type), Data: data})
		for _, sub := range subs {
			ref, err := json.Marshal(delivery.Reference{
				ID: delivery.ID(acme, sub, ev.ID, uint64(n)), Owner: acme, Subscription: sub, Revision: 1,
				EventSeq: uint64(n), EventID: ev.ID, EventType: ev.Type, Account: ev.Account,
			})
			r.must(err)
			deliveries = append(deliveries, &nats.Msg{Subject: subject.Delivery(delivery.Webhook, part, acme, sub), Data: ref})
		}
	}
	r.must(gather.New(r.js, topology.Events).PublishAll(r.t.Context(), log))
	r.must(gather.New(r.js, topology.Deliveries).PublishAll(r.t.Context(), deliveries))
}
