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

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Failure is why Tencent would not take an answer: a closed set.
type Failure string

const (
	Taken          Failure = ""            // it would
	FailConnection Failure = "connection"  // none, or it broke off
	FailTLS        Failure = "tls"         // no TLS, or a certificate that is not trusted
	FailTimeout    Failure = "timeout"     // no complete answer within [Timeout]
	FailStatus     Failure = "status"      // not 200
	FailJSON       Failure = "not_json"    // a body that is not JSON
	FailFields     Failure = "fields"      // JSON without the fields of an answer
	FailTooLarge   Failure = "too_large"   // a body beyond [profile.MaxAnswer]
	FailCanceled   Failure = "interrupted" // the sender itself gave up: nothing is said about the endpoint
)

// Failures are all of them but [Taken], in the order in which a summary lists them.
var Failures = []Failure{
	FailConnection, FailTLS, FailTimeout, FailStatus, FailJSON, FailFields, FailTooLarge, FailCanceled,
}

// Verdict is what Tencent would make of an answer.
type Verdict struct {
	Failure Failure
	Detail  string         // of a failure, for people; no secrets
	Answer  profile.Answer // if it was taken
	Notes   []string       // what Tencent tolerates but had better not be so
}

// Judge says whether Tencent would take an answer: status 200 and a JSON object
// with ActionStatus, ErrorCode and ErrorInfo, within [Timeout]. FAIL is such an
// answer too.
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
		return failed(FailTimeout, "the answer took %v, Tencent waits %v", x.Took.Round(1e6), Timeout)
	case x.Status != http.StatusOK:
		return failed(FailStatus, "%s", x.wrongStatus())
	case x.Cut:
		return failed(FailTooLarge, "a body of more than %d bytes", profile.MaxAnswer)
	case len(x.Body) == 0:
		return failed(FailJSON, "an empty body instead of JSON")
	}
	answer, err := profile.ParseAnswer(x.Body)
	switch {
	case err != nil && !isJSON(x.Body):
		return failed(FailJSON, "the body is not JSON")
	case err != nil:
		return failed(FailFields, "%v", err)
	}
	v := Verdict{Answer: answer}
	if kind, _, _ := mime.ParseMediaType(x.Header.Get("Content-Type")); kind != "application/json" {
		v.Notes = append(v.Notes, fmt.Sprintf("the Content-Type is %q rather than application/json", x.Header.Get("Content-Type")))
	}
	return v
}

// wrongStatus tells a status other than 200, and what the answer says about it.
func (x *Exchange) wrongStatus() string {
	s := strings.TrimSpace(fmt.Sprintf("status %d %s", x.Status, http.StatusText(x.Status))) + " instead of 200"
	if location, _, _ := strings.Cut(x.Header.Get("Location"), "?"); location != "" {
		return s + ", which leads to " + location
	}
	if answer, err := profile.ParseAnswer(x.Body); err == nil && answer.ErrorInfo != "" {
		return s + ": " + answer.ErrorInfo
	}
	return s
}

func isTLS(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Op == "remote error" {
		return true // an alert, such as that a client certificate is wanted
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
