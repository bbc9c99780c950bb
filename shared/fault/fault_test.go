package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/billhook/billhook/shared/fault"
)

func TestAnErrorReadsOperationSubjectCause(t *testing.T) {
	for _, row := range []struct {
		err  *fault.Error
		want string
	}{
		{fault.New(fault.Unavailable, "publish event", "evt_1", io.ErrUnexpectedEOF), "publish event evt_1: unexpected EOF"},
		{fault.New(fault.NotFound, "read endpoint", "acme.e1", nil), "read endpoint acme.e1: not found"},
		{fault.New(fault.Internal, "encode", "", io.EOF), "encode: EOF"},
		{fault.New(fault.Exhausted, "accept", "", nil), "accept: exhausted"},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

func TestTheKindIsThatOfTheOutermostFault(t *testing.T) {
	inner := fault.New(fault.NotFound, "read", "x", io.EOF)
	for _, row := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nobody classified it", io.EOF, fault.Internal},
		{"none", nil, fault.Internal},
		{"fault", inner, fault.NotFound},
		{"wrapped", fmt.Errorf("load: %w", inner), fault.NotFound},
		{"fault around a fault", fault.New(fault.Unavailable, "load", "x", inner), fault.Unavailable},
		{"joined", errors.Join(io.EOF, inner), fault.NotFound},
		{"problems", fault.Problems{{Detail: "x"}}, fault.Invalid},
		{"wrapped problems", fmt.Errorf("save: %w", fault.Problems{{Detail: "x"}}), fault.Invalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := fault.KindOf(row.err); got != row.want {
				t.Errorf("KindOf = %v, want %v", got, row.want)
			}
		})
	}
}

func TestTheCauseStaysReachable(t *testing.T) {
	err := fmt.Errorf("start: %w", fault.New(fault.Unavailable, "connect", "nats", io.EOF))
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestKindsHaveStableNames(t *testing.T) {
	want := map[fault.Kind]string{
		fault.Internal: "internal", fault.Invalid: "invalid", fault.NotFound: "not_found", fault.Conflict: "conflict",
		fault.Denied: "denied", fault.Unavailable: "unavailable", fault.Exhausted: "exhausted", 200: "internal",
	}
	for kind, name := range want {
		if kind.String() != name {
			t.Errorf("%d is %q, want %q", kind, kind, name)
		}
	}
}
