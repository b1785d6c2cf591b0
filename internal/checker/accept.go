package checker

import (
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// sendGenuine sends a genuine callback and remembers the exchange.
func (s *session) sendGenuine() (*tencent.Exchange, reaction, string) {
	x := s.send(s.sender, s.callback(nil))
	s.genuine = append(s.genuine, x)
	got, how := s.judge(x)
	return x, got, how
}

func accepts(s *session) outcome {
	x, got, how := s.sendGenuine()
	switch {
	case got == accepted:
		s.accepted, s.saysOK = true, said(x.Body) == callback.StatusOK
		return passed("%s", how)
	case isUntrusted(x.Err):
		return failed("%s; use --insecure to check everything else", how)
	case x.Judge().Failure == tencent.FailTLS && strings.Contains(how, "certificate"):
		return failed("%s; if it demands a client certificate, give one with --cert and --key", how)
	case x.Status >= 300 && x.Status < 400:
		return failed("%s: Tencent does not follow redirects", how)
	}
	o := failed("%s", how)
	switch {
	case x.Status == 0:
		o.fix = "Start the endpoint, allow connections from this machine, or correct host and port of the URL."
	case s.Token == "":
		o.fix = "If the endpoint requires signed callbacks, give the token (--token-file)."
	}
	if x.Status != 0 && s.Body == nil {
		o.hint = "If the endpoint does not accept " + s.Command + ", check it with a callback that it accepts (--command, and --body if there is no sample of it)."
	}
	return o
}

func isUntrusted(err error) bool {
	_, is := errors.AsType[*tls.CertificateVerificationError](err)
	return is
}

func stillAccepts(s *session) outcome {
	_, got, how := s.sendGenuine()
	s.stillAccepts = got == accepted
	return acceptance(got, how)
}

// acceptance returns the outcome for a callback that should have been accepted.
func acceptance(got reaction, how string) outcome {
	switch got {
	case accepted:
		return passed("%s", how)
	case refused:
		return failed("%s", how)
	default:
		return notTold("%s", how)
	}
}

func wellFormed(s *session) outcome {
	x := *s.genuine[0]
	x.Took = 0 // another probe checks the time
	// all bodies of a command have the same accounts
	v := x.JudgeCallback(s.Command, s.body())
	switch v.Failure {
	case tencent.Taken:
	case tencent.FailDecision:
		o := failed("%s", s.clean(v.Detail))
		o.fix = tencent.AnswerRule(s.Command)
		return o
	default:
		return failed("%s", s.clean(v.Detail))
	}
	return passed("with ActionStatus, ErrorCode and ErrorInfo")
}

func contentType(s *session) outcome {
	x := *s.genuine[0]
	x.Took = 0
	v := x.Judge()
	if v.Failure != tencent.Taken {
		return notTold("the answer is not well-formed")
	}
	for _, note := range v.Notes {
		return failed("%s", s.clean(note))
	}
	return passed("%s", s.clean(x.Header.Get("Content-Type")))
}

func keepsAlive(s *session) outcome {
	x, got, how := s.sendGenuine()
	switch {
	case x.Reused:
		return passed("a second callback came over the same connection")
	case got != accepted:
		return notTold("a second genuine callback is not accepted: %s", how)
	}
	return failed("the second callback needed a new connection")
}

func inTime(s *session) outcome {
	longest := time.Duration(0)
	for _, x := range s.genuine {
		longest = max(longest, x.Took)
	}
	if longest > tencent.Timeout {
		return failed("it took %v", longest.Round(10*time.Millisecond))
	}
	return passed("%v at most, including the time to connect", max(longest.Round(time.Millisecond), time.Millisecond))
}

func acceptsNews(s *session) outcome {
	r := s.callback(func(c *callback.Request) {
		c.Body = s.bodyWithNews()
		c.OptPlatform = "TimCallbackCheck"
		c.ClientIP = "2001:db8::1"
	})
	return acceptance(s.judge(s.send(s.sender, r)))
}

func demandsClientCert(s *session) outcome {
	if s.TLS == nil || len(s.TLS.Certificates) == 0 {
		return skipped("no client certificate was given")
	}
	config := s.TLS.Clone()
	config.Certificates = []tls.Certificate{}
	anonymous := s.newSender(config)
	defer anonymous.Close()
	o := refusal([]attempt{s.attempt(anonymous, "without one", s.callback(nil))})
	s.demandsClient = o.result == Passed
	return o
}

func authenticated(s *session) outcome {
	switch {
	case s.Token != "":
		return skipped("a token was given; the probes of Sign check it")
	case s.demandsClient:
		return passed("by the client certificate alone")
	}
	return failed("an unsigned callback was accepted")
}
