package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Verdict is what came of an attempt to deliver.
type Verdict int

// An Outage says nothing about the event and is retried for long; a refusal is
// the backend's answer to this event, and retried a few times. The zero value is
// the one with which nothing is lost.
const (
	Outage Verdict = iota
	Refused
	Delivered
)

func (v Verdict) String() string {
	switch v {
	case Delivered:
		return "delivered"
	case Refused:
		return "refused"
	}
	return "outage"
}

// Result is a [Verdict] with what is to be known about a failure.
type Result struct {
	Verdict    Verdict
	RetryAfter time.Duration // how long the backend asked to be left alone; 0: it did not
	Error      string        // what went wrong, for logs and dead letters; no secrets
}

// Classify judges a backend's response: its final status (0 if there was none),
// header and body, and err if it could not be asked or its response broke off. A
// body of which only the first [profile.MaxAnswer] bytes were kept did not break
// off. now is what a date in Retry-After counts from.
//
//   - Delivered: a 2xx, unless its body is a callback answer with ActionStatus FAIL.
//   - Refused: that FAIL, and any 3xx or 4xx that is no outage.
//   - Outage: err, no response, 408, 425, 429, 5xx, and what is no status for a response.
func Classify(status int, header http.Header, body []byte, err error, now time.Time) Result {
	switch {
	case err != nil:
		return Result{Verdict: Outage, Error: errorText(err)}
	case status == 0:
		return Result{Verdict: Outage, Error: "no response"}
	}
	r := Result{Verdict: Outage, Error: statusText(status)}
	switch {
	case status >= 200 && status <= 299:
		answer, err := profile.ParseAnswer(body)
		if err != nil || answer.ActionStatus != profile.StatusFail {
			return Result{Verdict: Delivered}
		}
		// not its ErrorInfo, which may quote the payload
		r.Verdict, r.Error = Refused, fmt.Sprintf("%s, ActionStatus FAIL, ErrorCode %d", r.Error, answer.ErrorCode)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
	case status >= 300 && status <= 499:
		r.Verdict = Refused
	}
	r.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	return r
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// errorText is err without the URL that a client's error begins with.
func errorText(err error) string {
	if urlErr, ok := errors.AsType[*url.Error](err); ok && urlErr.Err != nil {
		err = urlErr.Err
	}
	return cmp.Or(clean(err.Error()), "unknown error")
}

// clean makes a text fit for one line of a log: printable and at most 256 bytes.
func clean(s string) string {
	const most = 256
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	s = strings.ToValidUTF8(s, "") // also of a character that was cut
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s))
}

// retryAfter reads a Retry-After header: seconds or an HTTP date. It is 0 for
// what is neither, and for a date that has passed.
func retryAfter(value string, now time.Time) time.Duration {
	const most = 365 * 24 * time.Hour
	if value = strings.TrimSpace(value); value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(most/time.Second) { // digits, but too many
			return most
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), most)
}
