package checker

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// certificates are those that the server sent, its own first.
func (s *session) certificates() []*x509.Certificate {
	if s.connection == nil {
		return nil
	}
	return s.connection.PeerCertificates
}

// verify builds chains from the server's certificate to a trusted one, as of then,
// whatever name it has.
func (s *session) verify(then time.Time) ([][]*x509.Certificate, error) {
	sent := s.certificates()
	options := x509.VerifyOptions{Intermediates: x509.NewCertPool(), CurrentTime: then}
	if s.TLS != nil {
		options.Roots = s.TLS.RootCAs
	}
	for _, c := range sent[1:] {
		options.Intermediates.AddCert(c)
	}
	return sent[0].Verify(options)
}

// verifyChain is verify without regard to the dates.
func (s *session) verifyChain() ([][]*x509.Certificate, error) {
	chains, err := s.verify(time.Now())
	if !isExpired(err) {
		return chains, err
	}
	then := time.Now()
	for _, c := range s.certificates() {
		if then.After(c.NotAfter) {
			then = c.NotAfter
		}
	}
	for _, c := range s.certificates() {
		if then.Before(c.NotBefore) {
			then = c.NotBefore
		}
	}
	return s.verify(then)
}

func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

func chainIsTrusted(s *session) outcome {
	sent := s.certificates()
	if sent == nil {
		return s.noConnection()
	}
	chains, err := s.verifyChain()
	var unknown x509.UnknownAuthorityError
	switch last := sent[len(sent)-1]; {
	case err == nil && !slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool { return allSent(chain, sent) }):
		// some systems find intermediates by themselves; Tencent's may not
		return failed("the server does not send the intermediate certificates between its own and the CA's")
	case err == nil && s.TLS != nil && s.TLS.RootCAs != nil:
		return passed("by --cacert, but Tencent knows public CAs only; issued by %s", s.issuer(sent[0]))
	case err == nil:
		return passed("issued by %s", s.issuer(sent[0]))
	case !errors.As(err, &unknown):
		return failed("%s", s.clean(err.Error()))
	case len(sent) == 1 && selfSigned(last):
		return failed("it is self-signed")
	case selfSigned(last):
		return failed("its CA %s is not trusted here", s.issuer(last))
	case len(last.IssuingCertificateURL) > 0:
		return failed("an intermediate certificate is missing: %s is not sent, and not a CA that is trusted here", s.issuer(last))
	default:
		return failed("%s is neither sent nor a CA that is trusted here: an intermediate certificate is missing, or the CA is a private one", s.issuer(last))
	}
}

// allSent reports whether the server sent all of a chain but its root.
func allSent(chain, sent []*x509.Certificate) bool {
	for _, c := range chain[:len(chain)-1] {
		if !slices.ContainsFunc(sent, c.Equal) {
			return false
		}
	}
	return true
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func (s *session) issuer(c *x509.Certificate) string {
	name := c.Issuer.CommonName
	if name == "" {
		name = c.Issuer.String()
	}
	return `"` + s.clean(name) + `"`
}

func namesHost(s *session) outcome {
	sent := s.certificates()
	if sent == nil {
		return s.noConnection()
	}
	name := s.connection.ServerName // as it is asked for: in ASCII
	if name == "" {
		name = s.url.Hostname() // an IP address
	}
	if err := sent[0].VerifyHostname(name); err != nil {
		return failed("%s", s.clean(err.Error()))
	}
	return passed("%s", name)
}

func validNow(s *session) outcome {
	sent, now := s.certificates(), time.Now()
	switch {
	case sent == nil:
		return s.noConnection()
	case now.After(sent[0].NotAfter):
		return failed("it expired at %s", date(sent[0].NotAfter))
	case now.Before(sent[0].NotBefore):
		return failed("it is not valid before %s", date(sent[0].NotBefore))
	}
	if _, err := s.verify(now); isExpired(err) {
		return failed("a certificate of its CA has expired or is not valid yet")
	}
	return passed("until %s", date(sent[0].NotAfter))
}

// mostNotice is the most time before expiry at which renewal is late; short-lived
// certificates are late in the last sixth of their life.
const mostNotice = 14 * 24 * time.Hour

func validLater(s *session) outcome {
	sent := s.certificates()
	if sent == nil {
		return s.noConnection()
	}
	left := time.Until(sent[0].NotAfter)
	if left <= 0 {
		return notTold("it has expired already")
	}
	if life := sent[0].NotAfter.Sub(sent[0].NotBefore); left < min(life/6, mostNotice) {
		return failed("it expires at %s", date(sent[0].NotAfter))
	}
	return passed("not before %s", date(sent[0].NotAfter))
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
