package checker

import (
	"net"
	"net/url"
)

// refusesPlainHTTP sends callbacks over plain HTTP. Anybody who listens could use a Sign, so
// it is sent only if an unsigned callback gets the same status as over HTTPS. A redirect, no
// answer, or another status than over HTTPS is already a refusal.
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
	unsigned := s.genuineCallback()
	unsigned.Token = ""
	x := s.send(s.sender, s.request(target.String(), unsigned))
	got, how := s.judge(x)
	a := attempt{"port " + port(target), got, how}
	switch {
	case s.ctx.Err() != nil:
		return a
	case x.Status == 0:
		a.got = refused // no answer in time is a refusal, too: firewalls drop packets
		return a
	case got == accepted, s.Token == "", x.Status >= 300 && x.Status < 400:
		return a
	}
	secure := s.send(s.sender, s.request(s.URL, unsigned))
	if s.ctx.Err() != nil || secure.Status != x.Status {
		return a
	}
	return s.attempt(s.sender, a.what, s.request(target.String(), s.genuineCallback()))
}

// plainURLs returns the URLs at which plain HTTP is tried: at the port of HTTPS and, if that
// is 443, also at port 80, which browsers use.
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
