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

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// Report is the outcome of a run. As JSON it is for scripts. It contains no secrets, except
// those in the callback URL's own parameters.
type Report struct {
	AllTaken    bool                              `json:"all_taken"`   // at least one callback was sent, and Tencent would accept all answers
	Interrupted bool                              `json:"interrupted"` // fewer callbacks were sent than requested
	Requested   int                               `json:"requested"`   // callbacks to send
	Sent        int                               `json:"sent"`
	Taken       int                               `json:"taken"`       // callbacks whose answer Tencent would accept
	SaidFail    int                               `json:"said_fail"`   // those among them whose answer has ActionStatus FAIL
	Connections int                               `json:"connections"` // connections that were opened
	Seconds     float64                           `json:"seconds"`
	PerSecond   float64                           `json:"per_second"`
	Latency     *Latency                          `json:"latency_ms,omitempty"` // absent if there was no answer
	Failures    map[tencent.Failure]*FailureCount `json:"failures"`
	Commands    map[string]*CommandCount          `json:"commands,omitempty"` // only if there were several commands
	Callback    *CallbackReport                   `json:"callback,omitempty"` // only if one callback was requested
}

// Latency says how long answers took, in milliseconds, from the start of sending (or of
// connecting) to the end of the answer. An answer that did not arrive in time counts with the
// time after which the sender stopped waiting.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// CallbackReport is one callback and its answer.
type CallbackReport struct {
	Request Message         `json:"request"`
	Answer  *Answer         `json:"answer,omitempty"`  // absent if there is no answer, not even a part of one
	TLS     *TLS            `json:"tls,omitempty"`     // absent over plain HTTP and if there is no answer
	Millis  float64         `json:"ms"`                // milliseconds until the end of the answer or the failure
	Taken   bool            `json:"taken"`             // Tencent would accept the answer
	Failure tencent.Failure `json:"failure,omitempty"` // why Tencent would not accept it
	Detail  string          `json:"detail,omitempty"`  // describes the failure for people
	Notes   []string        `json:"notes,omitempty"`   // faults that Tencent tolerates
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
	Headers map[string]string `json:"headers"` // only those of answerHeaders
	Body    string            `json:"body"`    // the part that was read
}

// TLS describes the connection of the answer.
type TLS struct {
	Version     string    `json:"version"`
	Certificate string    `json:"certificate"` // its subject, or its names if the subject is empty
	Issuer      string    `json:"issuer"`
	Expires     time.Time `json:"expires"`
	Verified    bool      `json:"verified"`
}

// answerHeaders are the headers of an answer that explain what happened.
var answerHeaders = []string{"Content-Type", "Content-Length", "Connection", "Location", "Allow", "Retry-After", "Server", "Via"}

// Report returns the outcome so far. requested is the number of callbacks to send.
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
	if len(t.commands) > 1 {
		r.Commands = make(map[string]*CommandCount, len(t.commands))
		for command, count := range t.commands {
			r.Commands[command] = &CommandCount{count.Sent, count.Taken, count.Example}
		}
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
	if r.Taken && a.Verdict.Answer.ActionStatus == callback.StatusFail {
		r.Notes = append(r.Notes, "the answer says "+callback.StatusFail)
	}
	if strings.HasPrefix(r.Request.URL, "http:") {
		r.Notes = append(r.Notes, "it was sent over plain HTTP; Tencent sends callbacks to https:// only")
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

// round rounds to three decimals, which is to microseconds if f is in milliseconds.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }
