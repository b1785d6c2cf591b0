package tencent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Failure says why Tencent would not accept an answer. [Failures] lists all values except
// [Taken].
type Failure string

// The failures.
const (
	Taken          Failure = ""            // there is no failure: Tencent would accept the answer
	FailConnection Failure = "connection"  // there was no connection, or it was interrupted
	FailTLS        Failure = "tls"         // there was no TLS, or the certificate is not trusted
	FailTimeout    Failure = "timeout"     // there was no complete answer within [Timeout]
	FailStatus     Failure = "status"      // the status is not 200
	FailJSON       Failure = "not_json"    // the body is not JSON
	FailFields     Failure = "fields"      // the JSON does not have the fields of an answer
	FailTooLarge   Failure = "too_large"   // the body is larger than [callback.MaxAnswer]
	FailDecision   Failure = "decision"    // the answer to a decision is not one that the command allows
	FailCanceled   Failure = "interrupted" // the sender was interrupted, which says nothing about the endpoint
)

// Failures has all failures in the order in which a summary lists them.
var Failures = []Failure{
	FailConnection, FailTLS, FailTimeout, FailStatus, FailJSON, FailFields, FailTooLarge, FailDecision, FailCanceled,
}

// Verdict says whether Tencent would accept an answer.
type Verdict struct {
	Failure Failure
	Detail  string          // describes the failure for people, without secrets
	Answer  callback.Answer // the answer, if there is no failure
	Notes   []string        // faults that Tencent tolerates
}

// Judge says whether Tencent would accept an answer. It must have status 200, a JSON object
// with ActionStatus, ErrorCode and ErrorInfo, and arrive within [Timeout]. An answer that says
// FAIL is accepted, too.
func (x *Exchange) Judge() Verdict {
	failed := func(f Failure, format string, args ...any) Verdict {
		return Verdict{Failure: f, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case errors.Is(x.Err, context.Canceled):
		return failed(FailCanceled, "interrupted")
	case errors.Is(x.Err, context.DeadlineExceeded) && x.Took < Timeout:
		return failed(FailCanceled, "interrupted")
	case errors.Is(x.Err, context.DeadlineExceeded):
		return failed(FailTimeout, "no complete answer within %v", x.Took.Round(1e8))
	case x.Err != nil && isTLS(x.Err):
		return failed(FailTLS, "%v", x.Err)
	case x.Err != nil:
		return failed(FailConnection, "%v", x.Err)
	case x.Took > Timeout:
		return failed(FailTimeout, "the answer took %v, but Tencent waits only %v", x.Took.Round(1e6), Timeout)
	case x.Status != http.StatusOK:
		return failed(FailStatus, "%s", x.wrongStatus())
	case x.Cut:
		return failed(FailTooLarge, "the body has over %d bytes", callback.MaxAnswer)
	case len(x.Body) == 0:
		return failed(FailJSON, "the body is empty, not JSON")
	}
	answer, err := callback.ParseAnswer(x.Body)
	switch {
	case err != nil && !isJSON(x.Body):
		return failed(FailJSON, "the body is not JSON")
	case err != nil:
		return failed(FailFields, "%v", err)
	}
	v := Verdict{Answer: answer}
	if kind, _, _ := mime.ParseMediaType(x.Header.Get("Content-Type")); kind != "application/json" {
		v.Notes = append(v.Notes, fmt.Sprintf("the Content-Type is %q, not application/json", x.Header.Get("Content-Type")))
	}
	return v
}

// wrongStatus describes a status other than 200, with the Location or ErrorInfo of the answer.
func (x *Exchange) wrongStatus() string {
	s := strings.TrimSpace(fmt.Sprintf("status %d %s", x.Status, http.StatusText(x.Status))) + " instead of 200"
	if location, _, _ := strings.Cut(x.Header.Get("Location"), "?"); location != "" {
		return s + ", with a redirect to " + location
	}
	if answer, err := callback.ParseAnswer(x.Body); err == nil && answer.ErrorInfo != "" {
		return s + ": " + answer.ErrorInfo
	}
	return s
}

func isTLS(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Op == "remote error" {
		return true // a TLS alert, for example that a client certificate is required
	}
	var (
		verification *tls.CertificateVerificationError
		header       tls.RecordHeaderError
		alert        tls.AlertError
		unknown      x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &header) || errors.As(err, &alert) ||
		errors.As(err, &unknown) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

func isJSON(body []byte) bool { return utf8.Valid(body) && json.Valid(body) }
