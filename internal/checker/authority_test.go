package checker

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// authority is a root CA and an intermediate CA that issues the certificates.
type authority struct{ root, middle *caddytest.Authority }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	root := caddytest.NewAuthority(t)
	return &authority{root: root, middle: root.Subordinate(t, "Test intermediate")}
}

// leaf issues a certificate for 127.0.0.1, which change may modify before.
func (a *authority) leaf(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	return a.middle.Issue(t, template)
}

// chain returns a certificate together with that of the intermediate CA, as servers send them.
func (a *authority) chain(leaf tls.Certificate) tls.Certificate {
	leaf.Certificate = append(leaf.Certificate, a.middle.Cert.Raw)
	return leaf
}

// trusted returns the configuration of a client that trusts the root CA.
func (a *authority) trusted() *tls.Config { return &tls.Config{RootCAs: a.root.Pool()} }
