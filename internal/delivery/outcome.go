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
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Verdict says how an attempt to deliver has ended.
type Verdict int

// These are all values of a [Verdict]. An event is tried for a long time after an outage, but only a
// few times after a refusal, so the zero value is the safe one.
const (
	Outage    Verdict = iota // the backend failed, for a reason that is not this event
	Refused                  // the backend did not want this event
	Delivered                // the backend has taken the event
)

// String returns the verdict in lower case, such as "refused".
func (v Verdict) String() string {
	switch v {
	case Delivered:
		return "delivered"
	case Refused:
		return "refused"
	}
	return "outage"
}

// Result is a [Verdict] and, for a failure, its details.
type Result struct {
	Verdict    Verdict
	RetryAfter time.Duration // how long the backend asked to wait; 0 if it did not
	Error      string        // what went wrong, for logs and dead letters; it has no secrets
	Answer     string        // how the backend's answer begins, see [Excerpt]; it may quote the payload
}

// Classify returns the result for a backend's response: its final status (0 if there was none), header
// and body, and the error if the request failed or the response was incomplete. It is enough if body
// has the first [callback.MaxAnswer] bytes. A date in Retry-After is compared with now.
//
//   - Delivered: a 2xx, unless its body is a callback answer with ActionStatus FAIL.
//   - Refused: a 2xx with ActionStatus FAIL, and any 3xx or 4xx that is not an outage.
//   - Outage: an error, no response, 408, 425, 429, 5xx, and any other status.
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
		answer, err := callback.ParseAnswer(body)
		if err != nil || answer.ActionStatus != callback.StatusFail {
			return Result{Verdict: Delivered}
		}
		// the error leaves out ErrorInfo, which may quote the payload
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

// errorText returns the text of err without the URL, with which the errors of HTTP clients begin.
func errorText(err error) string {
	if urlErr, ok := errors.AsType[*url.Error](err); ok && urlErr.Err != nil {
		err = urlErr.Err
	}
	return cmp.Or(clean(err.Error()), "unknown error")
}

// Excerpt returns the first 200 characters of a text, for the record of attempts, as one line that is
// valid UTF-8 and printable.
func Excerpt(text []byte) string {
	const most = 200
	s := printable(string(text[:min(len(text), most*utf8.UTFMax)]))
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i]
		}
	}
	return s
}

// clean makes a text fit into one line of a log: it makes it printable, and at most 256 bytes long.
func clean(s string) string {
	const most = 256
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	return printable(s)
}

// printable removes what is not valid UTF-8, a part of a character that was cut for example, and
// replaces what is not printable by spaces.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "")))
}

// retryAfter parses a Retry-After header, which has a number of seconds or an HTTP date. It returns
// 0 if the header has neither, or a date that has passed.
func retryAfter(value string, now time.Time) time.Duration {
	const most = 365 * 24 * time.Hour
	if value = strings.TrimSpace(value); value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(most/time.Second) { // the number is too large
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
