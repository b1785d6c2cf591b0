package checker

import (
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// sendGenuine sends a genuine callback and keeps what came back.
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
		s.accepted, s.saysOK = true, said(x.Body) == profile.StatusOK
		return passed("%s", how)
	case isUntrusted(x.Err):
		return failed("%s; with --insecure the rest can be checked in spite of it", how)
	case x.Judge().Failure == tencent.FailTLS && strings.Contains(how, "certificate"):
		return failed("%s; if it demands a client certificate, show one with --cert and --key", how)
	case x.Status >= 300 && x.Status < 400:
		return failed("%s: Tencent does not follow redirects", how)
	}
	o := failed("%s", how)
	switch {
	case x.Status == 0:
		o.mend = "Start the endpoint, let this machine through to it, or correct host and port of the URL."
	case s.Token == "":
		o.mend = "If the endpoint wants callbacks signed, give the token (--token-file)."
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

// acceptance is the outcome where a callback should have been accepted.
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
	x.Took = 0 // time is another probe's matter
	if v := x.Judge(); v.Failure != tencent.Taken {
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
	return passed("%v with connecting, at most", max(longest.Round(time.Millisecond), time.Millisecond))
}

func acceptsNews(s *session) outcome {
	r := s.callback(func(c *profile.Callback) {
		p := s.payload()
		p.Unknown = map[string]int{"new": 1}
		p.Items = append(p.Items, item{"Tag_Profile_IM_CheckNew", User})
		c.Body = p.json()
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
		return skipped("a token was given; see the probes of Sign")
	case s.demandsClient:
		return passed("by the client certificate alone")
	}
	return failed("an unsigned callback was accepted")
}
