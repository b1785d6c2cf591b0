package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClassify(t *testing.T) {
	const (
		ok   = `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`
		fail = `{"ActionStatus":"FAIL","ErrorCode":7,"ErrorInfo":"nick1 is not allowed"}`
	)
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}, Err: syscall.ECONNREFUSED}
	for _, test := range []struct {
		status  int
		body    string
		err     error
		verdict Verdict
		text    string
	}{
		{200, "", nil, Delivered, ""},
		{200, ok, nil, Delivered, ""},
		{200, "<html>", nil, Delivered, ""},
		{200, `{"ActionStatus":"FAIL"}`, nil, Delivered, ""}, // this is not a callback answer
		{200, fail, nil, Refused, "200 OK, ActionStatus FAIL, ErrorCode 7"},
		{202, fail, nil, Refused, "202 Accepted, ActionStatus FAIL, ErrorCode 7"},
		{204, "", nil, Delivered, ""},
		{299, "", nil, Delivered, ""},
		{300, "", nil, Refused, "300 Multiple Choices"},
		{302, ok, nil, Refused, "302 Found"},
		{400, "", nil, Refused, "400 Bad Request"},
		{404, fail, nil, Refused, "404 Not Found"},
		{499, "", nil, Refused, "499"},
		{408, "", nil, Outage, "408 Request Timeout"},
		{425, "", nil, Outage, "425 Too Early"},
		{429, "", nil, Outage, "429 Too Many Requests"},
		{500, "", nil, Outage, "500 Internal Server Error"},
		{503, ok, nil, Outage, "503 Service Unavailable"},
		{599, "", nil, Outage, "599"},
		{600, "", nil, Outage, "600"},
		{100, "", nil, Outage, "100 Continue"},
		{101, "", nil, Outage, "101 Switching Protocols"},
		{-1, "", nil, Outage, "-1"},
		{0, "", nil, Outage, "no response"},
		{0, "", refused, Outage, "dial tcp 10.0.0.1:80: connection refused"},
		{0, "", context.DeadlineExceeded, Outage, "context deadline exceeded"},
		{200, ok, io.ErrUnexpectedEOF, Outage, "unexpected EOF"},
		{404, "", io.ErrUnexpectedEOF, Outage, "unexpected EOF"},
		{0, "", &url.Error{Op: "Post", URL: "http://user:secret@h/", Err: refused}, Outage, "dial tcp 10.0.0.1:80: connection refused"},
		{0, "", fmt.Errorf("asking: %w", &url.Error{Op: "Post", URL: "http://h/?Sign=x", Err: io.EOF}), Outage, "EOF"},
		{0, "", errors.New("two\r\nlines\x00"), Outage, "two  lines"},
		{0, "", errors.New(""), Outage, "unknown error"},
	} {
		header := http.Header{"Retry-After": {"5"}}
		got := Classify(test.status, header, []byte(test.body), test.err, time.Now())
		want := Result{Verdict: test.verdict, Error: test.text}
		if test.verdict != Delivered && test.status != 0 && test.err == nil {
			want.RetryAfter = 5 * time.Second
		}
		if got != want {
			t.Errorf("%d %q %v: got %+v, want %+v", test.status, test.body, test.err, got, want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"no such user":                  "no such user",
		" {\r\n\t\"a\": 1\x00\u202e}\n": "{   \"a\": 1  }",
		"\xff语\xe8\xaf":                 "语",
		strings.Repeat("x", 1000):       strings.Repeat("x", 200),
		strings.Repeat("語", 1000):       strings.Repeat("語", 200),
		strings.Repeat("😀", 201):        strings.Repeat("😀", 200),
		"a" + strings.Repeat("😀", 201):  "a" + strings.Repeat("😀", 199),
	} {
		if got := Excerpt([]byte(text)); got != want {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	for _, s := range []string{strings.Repeat("x", 1000), strings.Repeat("語", 1000)} {
		got := errorText(errors.New(s))
		if len(got) > 256 || len(got) < 250 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("got %d bytes: %q", len(got), got)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		" 120 ":                            2 * time.Minute,
		"-1":                               0,
		"+1":                               0,
		"1.5":                              0,
		"soon":                             0,
		"31536001":                         365 * 24 * time.Hour,
		"99999999999999999999":             365 * 24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 GMT":    time.Minute,
		"Friday, 02-Jan-26 03:05:05 GMT":   time.Minute,
		"Fri Jan  2 03:05:05 2026":         time.Minute,
		"Fri, 02 Jan 2026 03:04:00 GMT":    0,
		"Fri, 02 Jan 9999 03:04:00 GMT":    365 * 24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 +02:00": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestVerdictString(t *testing.T) {
	for v, want := range map[Verdict]string{Outage: "outage", Refused: "refused", Delivered: "delivered", 9: "outage"} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
