package checker

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// certificates returns the certificates that the server sent. The first one is its own.
func (s *session) certificates() []*x509.Certificate {
	if s.connection == nil {
		return nil
	}
	return s.connection.PeerCertificates
}

// verify returns the chains from the server's certificate to a trusted one that are valid at
// the time then. It does not check the host name.
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

// verifyChain is like verify at the present time, but accepts certificates that have expired
// or are not valid yet.
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
		// some systems find intermediate certificates by themselves; Tencent's may not
		return failed("the server does not send the intermediate certificates between its own and the CA's")
	case err == nil && s.TLS != nil && s.TLS.RootCAs != nil:
		return passed("trusted because of --cacert, but Tencent trusts public CAs only; issued by %s", s.issuer(sent[0]))
	case err == nil:
		return passed("issued by %s", s.issuer(sent[0]))
	case !errors.As(err, &unknown):
		return failed("%s", s.clean(err.Error()))
	case len(sent) == 1 && selfSigned(last):
		return failed("it is self-signed")
	case selfSigned(last):
		return failed("its CA %s is not trusted here", s.issuer(last))
	case len(last.IssuingCertificateURL) > 0:
		return failed("an intermediate certificate is missing: %s is not sent, and is not a CA that is trusted here", s.issuer(last))
	default:
		return failed("%s is neither sent nor a CA that is trusted here: an intermediate certificate is missing, or the CA is a private one", s.issuer(last))
	}
}

// allSent reports whether the server sent all certificates of a chain except the root.
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
	name := s.connection.ServerName // the host name in ASCII, as it was sent to the server
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

// mostNotice is how long before its expiry a certificate should have been renewed. For
// certificates with a lifetime of less than six times mostNotice, it is a sixth of the lifetime.
const mostNotice = 14 * 24 * time.Hour

// shortLived is the lifetime up to which nobody renews a certificate by hand.
const shortLived = 10 * 24 * time.Hour

func validLater(s *session) outcome {
	sent := s.certificates()
	if sent == nil {
		return s.noConnection()
	}
	left := time.Until(sent[0].NotAfter)
	if left <= 0 {
		return notTold("it has expired already")
	}
	switch life := sent[0].NotAfter.Sub(sent[0].NotBefore); {
	case left < min(life/6, mostNotice):
		return failed("it expires in %s, at %s, and its whole lifetime is %s", roughly(left), date(sent[0].NotAfter), roughly(life))
	case life <= shortLived:
		return passed("it is short-lived: it is valid for another %s of its %s, so it must be renewed automatically", roughly(left), roughly(life))
	default:
		return passed("it is valid for another %s", roughly(left))
	}
}

// roughly returns a duration in days, hours or minutes: in the largest unit of which it has
// at least two.
func roughly(d time.Duration) string {
	// the rounding hides the seconds that have passed since the certificate was issued
	switch d = d.Round(time.Minute); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	case d == time.Minute:
		return "1 minute"
	default:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
