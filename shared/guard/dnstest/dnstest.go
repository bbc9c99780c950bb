// Package dnstest is a name server in memory for tests, which answers as it is
// told: other addresses every time, none at all, or never. It refuses to know
// names: all of them have the same answers.
package dnstest

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

// Answer is what one question gets.
type Answer struct {
	// Addrs are the addresses: those of IPv4 answer questions for A records,
	// the others, mapped ones among them, questions for AAAA records.
	Addrs []string
	// Code says how it failed, such as NXDOMAIN; 0 is success.
	Code dnsmessage.RCode
	// Silent gives no answer at all, not even a refusal.
	Silent bool
}

// Server answers the n-th question of each type with the n-th of its answers,
// from the first again when they are used up. Where an answer is a failure, the
// questions that resolvers repeat count too.
type Server struct {
	answers []Answer
	work    sync.WaitGroup

	mu    sync.Mutex
	asked map[dnsmessage.Type]int
}

// Start returns a server that stops with its test.
func Start(t testing.TB, answers ...Answer) *Server {
	t.Helper()
	s := &Server{answers: answers, asked: map[dnsmessage.Type]int{}}
	t.Cleanup(s.work.Wait)
	return s
}

// To returns the answer of these addresses.
func To(addrs ...string) Answer { return Answer{Addrs: addrs} }

// Resolver returns a resolver that asks this server alone. A question ends with
// its context: the library would wait for a silent server for another 5 s.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		client, server := net.Pipe()
		s.work.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = server.Close() })()
			defer func() { _ = server.Close() }()
			for s.serve(server) == nil {
			}
		})
		return client, nil
	}}
}

// Asked returns how many questions for A records came.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[dnsmessage.TypeA]
}

// serve answers one question, in the framing of DNS over TCP.
func (s *Server) serve(conn net.Conn) error {
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
	a := s.next(m.Questions[0].Type)
	if a.Silent {
		return nil
	}
	m.Response, m.Authoritative, m.RCode, m.Additionals = true, true, a.Code, nil
	m.Answers = a.records(m.Questions[0])
	reply, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}

func (s *Server) next(t dnsmessage.Type) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.asked[t]
	s.asked[t]++
	return s.answers[n%len(s.answers)]
}

func (a Answer) records(q dnsmessage.Question) []dnsmessage.Resource {
	var out []dnsmessage.Resource
	for _, text := range a.Addrs {
		addr := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			out = append(out, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			out = append(out, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return out
}
