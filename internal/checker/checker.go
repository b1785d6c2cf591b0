// Package checker probes an endpoint for Tencent's callbacks and says what it gets
// right and wrong: it sends what Tencent would send, what Tencent would never send,
// and looks at the connection. What it sends is harmless and marked.
package checker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

const (
	// User is the UserID that all callbacks are about, unless another one is given.
	User = "tim-callback-check"

	// OtherApp is the SDKAppID that is not the endpoint's.
	OtherApp = "1499999999"

	// unknownCommand is a callback command that Tencent does not have.
	unknownCommand = "Profile.TimCallbackCheck"
)

// Endpoint is what is probed.
type Endpoint struct {
	URL      string // the callback URL
	PlainURL string // where plain HTTP is tried; "" is derived from URL
	SDKAppID string
	Token    string      // "" sends unsigned callbacks
	User     string      // "" is [User]
	TLS      *tls.Config // whom to trust and which client certificate to show; may be nil

	// Wait is how long an answer is waited for. Default: 5s, longer than Tencent
	// waits, to tell a late answer from none.
	Wait time.Duration

	// Budget bounds the whole; what was not reached is not told. Default: 2m.
	Budget time.Duration
}

// notAccepted is why most probes tell nothing.
const notAccepted = "genuine callbacks are not accepted"

var errBudget = errors.New("the time was used up before")

// Run makes all probes, one after the other. progress, which may be nil, is told
// the title of each before it begins.
func Run(ctx context.Context, e Endpoint, progress func(done, of int, title string)) (*Report, error) {
	s, err := newSession(ctx, e)
	if err != nil {
		return nil, err
	}
	defer s.close()

	shown := url.URL{Scheme: s.url.Scheme, Host: s.url.Host, Path: s.url.Path}
	report := &Report{URL: shown.String(), SDKAppID: e.SDKAppID}
	for i, p := range probes {
		if progress != nil {
			progress(i, len(probes), p.title)
		}
		o := s.run(p)
		report.Findings = append(report.Findings, Finding{
			Name: p.name, Title: p.title, Severity: p.severity,
			Result: o.result, Detail: o.detail, Why: p.why, Mend: cmp.Or(o.mend, p.mend),
		})
	}
	switch {
	case s.accepted && s.ctx.Err() != nil:
		doubt(report, "it was not found out whether genuine callbacks are still accepted")
	case s.accepted && !s.stillAccepts:
		doubt(report, "in the end genuine callbacks were not accepted either")
	}
	report.count()
	return report, nil
}

// doubt takes back what was concluded from refusals, since the endpoint may have
// refused whatever came.
func doubt(report *Report, why string) {
	for i, p := range probes {
		if f := &report.Findings[i]; p.refusal && f.Result == Passed {
			f.Result = NotTold
			f.Detail = "refused, but " + why + " (" + f.Detail + ")"
		}
	}
}

// session is one run.
type session struct {
	Endpoint
	ctx    context.Context
	cancel context.CancelFunc
	url    *url.URL
	plain  *url.URL // nil: derived from url
	sender *tencent.Sender

	connection *tls.ConnectionState // nil: no TLS connection came about
	genuine    []*tencent.Exchange  // genuine callbacks, sent to see them accepted

	accepted      bool // the first genuine callback was
	saysOK        bool // with a body that says OK, by which a refusal can be told
	stillAccepts  bool // the last genuine callback was accepted, too
	demandsClient bool // without a client certificate they are refused

	lastEvent int64 // EventTime of the callback that was made last
}

func newSession(ctx context.Context, e Endpoint) (*session, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, errors.New("the callback URL is not well-formed")
	}
	or := func(d, otherwise time.Duration) time.Duration {
		if d == 0 {
			return otherwise
		}
		return d
	}
	e.Wait, e.Budget = or(e.Wait, 5*time.Second), or(e.Budget, 2*time.Minute)
	if e.User == "" {
		e.User = User
	}
	s := &session{Endpoint: e, url: u}
	if e.PlainURL != "" {
		if s.plain, err = url.Parse(e.PlainURL); err != nil || s.plain.Scheme != "http" || s.plain.Hostname() == "" {
			return nil, errors.New("--http-url: not a URL that begins with http://")
		}
	}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, e.Budget, errBudget)
	s.sender = s.newSender(e.TLS)
	return s, nil
}

func (s *session) newSender(config *tls.Config) *tencent.Sender {
	sender := tencent.NewSender(config, 1)
	sender.Timeout = s.Wait
	return sender
}

func (s *session) close() {
	s.cancel()
	s.sender.Close()
}

func (s *session) run(p probe) outcome {
	switch {
	case s.ctx.Err() != nil:
		return notTold("%s", s.ended())
	case (p.genuine || p.refusal) && !s.accepted:
		return notTold(notAccepted)
	case p.token && s.Token == "":
		return skipped("no token was given, so callbacks are sent unsigned")
	}
	o := p.run(s)
	if s.ctx.Err() != nil { // which may be why it failed
		return notTold("%s", s.ended())
	}
	return o
}

// ended says why there is no more time.
func (s *session) ended() string {
	if errors.Is(context.Cause(s.ctx), errBudget) {
		return fmt.Sprintf("%v (%v)", errBudget, s.Budget)
	}
	return "interrupted before"
}
