package process

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/billhook/billhook/shared/fault"
)

// Refuse is the problem of one setting, for a [Checker].
func Refuse(name, detail string) fault.Problem {
	return fault.Problem{Pointer: fault.Pointer(name), Rule: "setting.refused", Detail: detail}
}

// RefuseIf is the problem of a bad setting; nil where it is not bad.
func RefuseIf(bad bool, name, detail string) fault.Problems {
	if !bad {
		return nil
	}
	return fault.Problems{Refuse(name, detail)}
}

// RefuseFor is the problem of a setting with an error; nil where there is none.
func RefuseFor(err error, name string) fault.Problems {
	if err == nil {
		return nil
	}
	return fault.Problems{Refuse(name, err.Error())}
}

// Positive is the problem of a setting that is not above zero; nil where it is.
func Positive[N ~int | ~int64](name string, n N) fault.Problems {
	return RefuseIf(n <= 0, name, "must be greater than 0")
}

// AtLeast is the problem of a setting below the least; nil where it is not.
func AtLeast[N cmp.Ordered](name string, n, least N) fault.Problems {
	return RefuseIf(n < least, name, fmt.Sprintf("is below %v", least))
}

// OneOf is the problem of a setting that is none of those allowed; nil where it
// is one.
func OneOf(name, value string, allowed ...string) fault.Problems {
	return RefuseIf(!slices.Contains(allowed, value), name, fault.OneOf(allowed...))
}

// Addr is the problem of a setting that is no address to listen at; nil where
// it is one.
func Addr(name, addr string) fault.Problems {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return RefuseIf(err != nil, name, "must be a host and a port, such as 127.0.0.1:8484")
}

// AddrOrNone is [Addr] of a setting that may be empty.
func AddrOrNone(name, addr string) fault.Problems {
	if addr == "" {
		return nil
	}
	return Addr(name, addr)
}
