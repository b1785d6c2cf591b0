package checker

import (
	"net"
	"net/url"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// refusesPlainHTTP sends callbacks over plain HTTP. Whoever listens could use a
// Sign, so one is only sent where an unsigned callback is treated as over HTTPS: a
// redirect, no answer, or another answer than over HTTPS is a refusal already.
func refusesPlainHTTP(s *session) outcome {
	if s.url.Scheme == "http" {
		return failed("the callback URL itself begins with http://, and callbacks are accepted there")
	}
	var attempts []attempt
	for _, target := range s.plainURLs() {
		attempts = append(attempts, s.attemptPlain(target))
	}
	return refusal(attempts)
}

func (s *session) attemptPlain(target *url.URL) attempt {
	unsigned := profile.Callback{SDKAppID: s.SDKAppID, Body: s.payload().json()}
	x := s.send(s.sender, s.request(target.String(), unsigned))
	got, how := s.judge(x)
	a := attempt{"port " + port(target), got, how}
	switch {
	case s.ctx.Err() != nil:
		return a
	case x.Status == 0:
		a.got = refused // also without an answer in time, as firewalls have it
		return a
	case got == accepted, s.Token == "", x.Status >= 300 && x.Status < 400:
		return a
	}
	secure := s.send(s.sender, s.request(s.URL, unsigned))
	if s.ctx.Err() != nil || secure.Status != x.Status {
		return a
	}
	return s.attempt(s.sender, a.what, s.request(target.String(),
		profile.Callback{SDKAppID: s.SDKAppID, Token: s.Token, Body: s.payload().json()}))
}

// plainURLs are where plain HTTP is tried: at the HTTPS port, and where browsers would.
func (s *session) plainURLs() []*url.URL {
	if s.plain != nil {
		return []*url.URL{s.plain}
	}
	same := *s.url
	same.Scheme, same.Host = "http", net.JoinHostPort(s.url.Hostname(), port(s.url))
	if port(s.url) != "443" {
		return []*url.URL{&same}
	}
	usual := same
	usual.Host = net.JoinHostPort(s.url.Hostname(), "80")
	return []*url.URL{&usual, &same}
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}
