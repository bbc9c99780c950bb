package guard_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server in memory. It answers the n-th question for an A
// record with the n-th list of addresses, from the start again at the end.
type names struct {
	mu      sync.Mutex
	answers [][]string
	asked   int
	wg      sync.WaitGroup
}

// resolver returns a resolver that asks n alone.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	t.Cleanup(n.wg.Wait)
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		n.wg.Go(func() {
			defer func() { _ = server.Close() }()
			for n.serve(server) == nil {
			}
		})
		return client, nil
	}}
}

// serve answers one question, in the framing of DNS over TCP.
func (n *names) serve(conn net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	m.Answers = n.records(m.Questions[0])
	reply, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}

func (n *names) records(q dnsmessage.Question) []dnsmessage.Resource {
	if q.Type != dnsmessage.TypeA {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	addrs := n.answers[n.asked%len(n.answers)]
	n.asked++
	var out []dnsmessage.Resource
	for _, a := range addrs {
		out = append(out, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
		})
	}
	return out
}
