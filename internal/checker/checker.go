// Package checker probes an endpoint for Tencent's callbacks and says what it gets right and
// wrong. It sends callbacks that Tencent would send and callbacks that Tencent would never
// send, and examines the connection. The callbacks do no harm and can be recognized.
package checker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	// User is the default UserID of the user whom all callbacks are about.
	User = "tim-callback-check"

	// otherUser, thirdUser and group are in the samples of other commands.
	otherUser = "tim-callback-check-2"
	thirdUser = "tim-callback-check-3"
	group     = "@TGS#tim-callback-check"

	// OtherApp is an SDKAppID that is not an app of the endpoint.
	OtherApp = "1499999999"

	// unknownCommand is a callback command that Tencent does not have.
	unknownCommand = "Profile.TimCallbackCheck"
)

// Endpoint is the endpoint to probe.
type Endpoint struct {
	URL      string // the callback URL
	PlainURL string // the URL at which plain HTTP is tried; default: derived from URL
	SDKAppID string
	Token    string      // if it is "", callbacks are not signed
	Command  string      // a command that the endpoint accepts; default: [profile.Command]
	Body     []byte      // the body of a genuine callback of Command, a JSON object; default: a change of User's profile, or a sample
	User     string      // default: [User]
	TLS      *tls.Config // has the CAs to trust and the client certificate to present; may be nil

	Decision     string // a command that asks for a decision; if it is "", none is sent
	DecisionBody []byte // the body of a callback of Decision, a JSON object; default: a sample

	// Wait is how long to wait for an answer. Default: 5s, which is longer than Tencent
	// waits, so that a late answer can be told from no answer.
	Wait time.Duration

	// Budget is the time for all probes together. The result of probes that are not
	// finished by then is [NotTold]. Default: 2m.
	Budget time.Duration
}

// notAccepted is the usual reason why a probe proves nothing.
const notAccepted = "genuine callbacks are not accepted"

var errBudget = errors.New("the time was used up before")

// Run makes all probes, one after the other. If progress is not nil, it is called before each
// probe with the number of probes done so far, the number of all probes and the title of
// the probe. Run returns an error if a field of e is not valid.
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
			Result: o.result, Detail: o.detail, Why: p.why, Fix: strings.TrimSpace(cmp.Or(o.fix, p.fix) + " " + o.hint),
		})
	}
	switch {
	case s.accepted && s.ctx.Err() != nil:
		doubt(report, "it is not known whether genuine callbacks are still accepted")
	case s.accepted && !s.stillAccepts:
		doubt(report, "in the end genuine callbacks were not accepted either")
	}
	report.count()
	return report, nil
}

// doubt changes the result of all probes that passed because of a refusal, since the endpoint
// may have refused every callback.
func doubt(report *Report, why string) {
	for i, p := range probes {
		if f := &report.Findings[i]; p.refusal && f.Result == Passed {
			f.Result = NotTold
			f.Detail = "refused, but " + why + " (" + f.Detail + ")"
		}
	}
}

// session is one call of Run.
type session struct {
	Endpoint
	ctx    context.Context
	cancel context.CancelFunc
	url    *url.URL
	plain  *url.URL // nil if it is derived from url
	sender *tencent.Sender

	connection *tls.ConnectionState // nil if there was no TLS connection
	genuine    []*tencent.Exchange  // genuine callbacks that should have been accepted
	decision   *tencent.Exchange    // the callback that asked for a decision; nil if there was none

	accepted      bool // the first genuine callback was accepted
	saysOK        bool // its answer said OK, so an answer without OK is a refusal
	stillAccepts  bool // the last genuine callback was accepted, too
	demandsClient bool // callbacks without a client certificate are refused

	lastEvent int64 // EventTime of the last callback that was made
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
	e.User, e.Command = cmp.Or(e.User, User), cmp.Or(e.Command, profile.Command)
	if e.Body, err = checkBody("command", e.Command, "body", e.Body); err != nil {
		return nil, err
	}
	if e.DecisionBody, err = checkDecision(e.Decision, e.DecisionBody); err != nil {
		return nil, err
	}
	s := &session{Endpoint: e, url: u}
	if e.PlainURL != "" {
		if s.plain, err = url.Parse(e.PlainURL); err != nil || s.plain.Scheme != "http" || s.plain.Hostname() == "" {
			return nil, errors.New("--http-url: the URL must begin with http://")
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
	if s.ctx.Err() != nil { // the probe may have failed because of this
		return notTold("%s", s.ended())
	}
	return o
}

// ended says why the context has ended.
func (s *session) ended() string {
	if errors.Is(context.Cause(s.ctx), errBudget) {
		return fmt.Sprintf("%v (%v)", errBudget, s.Budget)
	}
	return "interrupted before"
}
