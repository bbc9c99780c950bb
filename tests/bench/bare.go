package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// bare is the limit that everything is measured against: a loop that posts
// distinct signed payloads over kept connections and does nothing else.
type bare struct {
	address     string
	roots       *x509.CertPool
	url         string
	key         []byte
	connections int
}

// run posts n payloads and returns how long it took.
func (b bare) run(ctx context.Context, n int) (time.Duration, error) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: b.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, b.address)
		},
		MaxIdleConnsPerHost: b.connections, MaxConnsPerHost: b.connections,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	var next atomic.Int64
	var wg sync.WaitGroup
	failures := make(chan error, b.connections)
	start := time.Now()
	for range b.connections {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(n) {
					return
				}
				if err := b.post(ctx, client, i); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failures:
		return 0, err
	default:
		return time.Since(start), nil
	}
}

func (b bare) post(ctx context.Context, client *http.Client, i int64) error {
	body := fmt.Appendf(nil, `{"type":"invoice.posted","timestamp":"2026-11-23T09:30:00Z","id":"evt_bare_%d","owner":"bench",`+
		`"account":"A-1","data":{"Invoice.Id":"I-%d","Invoice.Number":"INV-%d","Invoice.Total":"%d.50","Invoice.Currency":"EUR"}}`,
		i, i, i, i)
	id := "dlv_bare_" + strconv.FormatInt(i, 10)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, b.key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("bare request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("bare post: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("bare post: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("bare post: status %d", resp.StatusCode)
	}
	return nil
}
