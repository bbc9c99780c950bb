package post

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/billhook/billhook/shared/guard"
)

// Cancelled says that the sender stopped, so that nothing is known of the
// receiver; no outcome tells of it.
const Cancelled = "cancelled"

// The reasons of failures, stable classes. Beside them there is "status_" and
// the status for every answer outside 1xx to 3xx. docs/webhooks.md has them all.
const (
	// Timeout: a limit of time was reached.
	Timeout = "timeout"
	// DNS: the host name could not be resolved.
	DNS = "dns"
	// AddressNotAllowed: the host resolves to an address nobody may reach.
	AddressNotAllowed = "address_not_allowed"
	// Refused: nobody listens there.
	Refused = "connection_refused"
	// Lost: the connection broke before an answer.
	Lost = "connection_lost"
	// TLS: no trustworthy TLS connection came about.
	TLS = "tls"
	// Redirect: an answer of 3xx, which is never followed.
	Redirect = "redirect"
	// ResponseBody: an answer of 2xx that broke off.
	ResponseBody = "response_body"
	// OAuthToken: the endpoint's token server gave no access token.
	OAuthToken = "oauth_token"
	// Protocol: what answered speaks no proper HTTP, or too much of it.
	Protocol = "protocol"
)

// judge names what a status means: only 2xx is success.
func judge(status int) (reason, detail string) {
	switch class := status / 100; {
	case class == 2:
		return "", ""
	case class == 3:
		return Redirect, "redirects are not followed; give the final address"
	case class < 2:
		return Protocol, "the answer has a status that ends no request"
	default:
		return "status_" + strconv.Itoa(status), http.StatusText(status)
	}
}

// Classify names the failure of a request without an answer. What it says may
// be read by the endpoint's owner, so it never holds a resolved address.
func Classify(err error) (reason, detail string) {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, guard.ErrAddressNotAllowed):
		return AddressNotAllowed, "address not allowed"
	case errors.As(err, &dns):
		return DNS, dnsDetail(dns)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout, "no answer in time"
	case isTLS(err):
		return TLS, tlsDetail(err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, "the connection was refused"
	case isLost(err):
		return Lost, "the connection was closed before an answer"
	default:
		return Protocol, "the answer is no proper HTTP, or its headers are too large"
	}
}

func dnsDetail(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "the host name does not exist or has no address"
	case err.IsTimeout:
		return "the host name could not be resolved in time"
	default:
		return "the host name could not be resolved: its name servers failed"
	}
}

func isLost(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, &op)
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	// Alerts of either side have these operations; their own type is hidden.
	alert := errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
	return errors.As(err, &verify) || errors.As(err, &record) || alert
}

// tlsDetail says what is wrong with a certificate; that is public anyway.
func tlsDetail(err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var op *net.OpError
	switch {
	case errors.As(err, &host):
		return "the certificate is for another name"
	case errors.As(err, &invalid):
		return "the certificate is not valid: " + invalid.Error()
	case errors.As(err, &unknown):
		return "the certificate's authority is not known"
	case errors.As(err, &op) && op.Op == "remote error":
		return "the receiver refused a TLS connection of version 1.2 or later, or the client certificate, or that there is none"
	default:
		return "no TLS connection of version 1.2 or later came about"
	}
}

// retryAfter reads the header of that name: seconds or a date. What is neither,
// or lies in the past, counts as nothing.
func retryAfter(h http.Header, now func() time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now()))
}
