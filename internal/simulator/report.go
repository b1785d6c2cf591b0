package simulator

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Report is what came of a run, for scripts as JSON. There are no secrets in it but
// what the callback URL has of its own.
type Report struct {
	AllTaken    bool                              `json:"all_taken"`   // at least one was sent, and all answers would be taken
	Interrupted bool                              `json:"interrupted"` // fewer were sent than asked for
	Requested   int                               `json:"requested"`
	Sent        int                               `json:"sent"`
	Taken       int                               `json:"taken"`     // of those sent
	SaidFail    int                               `json:"said_fail"` // of those taken: the answer's ActionStatus is FAIL
	Connections int                               `json:"connections"`
	Seconds     float64                           `json:"seconds"`
	PerSecond   float64                           `json:"per_second"`
	Latency     *Latency                          `json:"latency_ms,omitempty"` // absent if nothing was answered
	Failures    map[tencent.Failure]*FailureCount `json:"failures"`
	Callback    *CallbackReport                   `json:"callback,omitempty"` // if one was requested
}

// Latency is how long answers took, in milliseconds, from the start of sending (or
// of connecting) to their end. Those that came too late are in it with the time
// after which Tencent would have hung up.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// CallbackReport is one callback and its answer.
type CallbackReport struct {
	Request Message         `json:"request"`
	Answer  *Answer         `json:"answer,omitempty"` // absent if there is none, not even a part
	TLS     *TLS            `json:"tls,omitempty"`    // absent over plain HTTP and where there is no answer
	Millis  float64         `json:"ms"`               // until the answer, or until it failed
	Taken   bool            `json:"taken"`
	Failure tencent.Failure `json:"failure,omitempty"` // why it is not taken
	Detail  string          `json:"detail,omitempty"`  // of the failure, for people
	Notes   []string        `json:"notes,omitempty"`   // what Tencent tolerates but had better not be so
}

// Message is a request: headers by name, the body as text.
type Message struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"` // with Sign=REDACTED
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// Answer is a response.
type Answer struct {
	Status  int               `json:"status"`
	Proto   string            `json:"proto"`
	Headers map[string]string `json:"headers"` // those that matter, see answerHeaders
	Body    string            `json:"body"`    // as much of it as was read
}

// TLS is the connection on which the answer came.
type TLS struct {
	Version     string    `json:"version"`
	Certificate string    `json:"certificate"` // its subject, or its names where that is empty
	Issuer      string    `json:"issuer"`
	Expires     time.Time `json:"expires"`
	Verified    bool      `json:"verified"`
}

// answerHeaders are the headers of an answer that explain what happened.
var answerHeaders = []string{"Content-Type", "Content-Length", "Connection", "Location", "Allow", "Retry-After", "Server", "Via"}

// Report sums up what was counted so far, of requested callbacks.
func (t *Tally) Report(requested int) *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended := t.ended
	if ended.IsZero() {
		ended = time.Now()
	}
	r := &Report{
		AllTaken:    t.sent > 0 && t.taken == t.sent,
		Interrupted: t.sent < requested,
		Requested:   requested,
		Sent:        t.sent,
		Taken:       t.taken,
		SaidFail:    t.saidFail,
		Connections: t.connections,
		Seconds:     math.Round(ended.Sub(t.began).Seconds()*1e6) / 1e6,
		Failures:    make(map[tencent.Failure]*FailureCount, len(t.failures)),
	}
	if elapsed := ended.Sub(t.began).Seconds(); elapsed > 0 {
		r.PerSecond = round(float64(t.sent) / elapsed)
	}
	for failure, count := range t.failures {
		r.Failures[failure] = &FailureCount{count.Count, count.Example}
	}
	if t.answers.total > 0 {
		r.Latency = &Latency{
			P50: millis(t.answers.percentile(50)),
			P90: millis(t.answers.percentile(90)),
			P99: millis(t.answers.percentile(99)),
			Max: millis(t.answers.max),
		}
	}
	if requested == 1 && t.sent == 1 {
		r.Callback = t.last.report()
	}
	return r
}

// WriteJSON writes the report as one line of JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(console.VisibleJSON(text), '\n'))
	return err
}

func (a Attempt) report() *CallbackReport {
	x := a.Exchange
	r := &CallbackReport{
		Request: Message{http.MethodPost, a.URL, headers(a.Header, "Content-Type"), string(a.Body)},
		Millis:  millis(x.Took),
		Taken:   a.Verdict.Failure == tencent.Taken,
		Failure: a.Verdict.Failure,
		Detail:  a.Verdict.Detail,
		Notes:   a.Verdict.Notes,
	}
	if x.Status != 0 {
		r.Answer = &Answer{x.Status, x.Proto, headers(x.Header, answerHeaders...), string(x.Body)}
	}
	if r.Taken && a.Verdict.Answer.ActionStatus == profile.StatusFail {
		r.Notes = append(r.Notes, "the answer says "+profile.StatusFail)
	}
	if strings.HasPrefix(r.Request.URL, "http:") {
		r.Notes = append(r.Notes, "it was sent over plain HTTP; Tencent calls https:// only")
	}
	if !strings.Contains(r.Request.URL, "&Sign=") {
		r.Notes = append(r.Notes, "it was not signed, since no token was given")
	}
	if x.TLS != nil {
		r.TLS = describeTLS(x.TLS)
		if !r.TLS.Verified {
			r.Notes = append(r.Notes, "the server's certificate was not verified; Tencent verifies it")
		}
	}
	return r
}

func describeTLS(state *tls.ConnectionState) *TLS {
	leaf := state.PeerCertificates[0]
	t := &TLS{
		Version:     tls.VersionName(state.Version),
		Certificate: leaf.Subject.String(),
		Issuer:      leaf.Issuer.String(),
		Expires:     leaf.NotAfter.UTC(),
		Verified:    len(state.VerifiedChains) > 0,
	}
	if t.Certificate == "" {
		names := slices.Clone(leaf.DNSNames)
		for _, address := range leaf.IPAddresses {
			names = append(names, address.String())
		}
		t.Certificate = strings.Join(names, ", ")
	}
	return t
}

func headers(h http.Header, names ...string) map[string]string {
	found := make(map[string]string)
	for _, name := range names {
		if values := h.Values(name); len(values) > 0 {
			found[name] = strings.Join(values, ", ")
		}
	}
	return found
}

func millis(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round leaves three decimals, which is a microsecond of a millisecond.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }
