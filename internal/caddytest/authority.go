package caddytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a CA of a test, for servers and their clients.
type Authority struct {
	Cert *x509.Certificate
	PEM  []byte // of Cert
	key  *ecdsa.PrivateKey
}

// NewAuthority makes a CA.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	return new(Authority).Subordinate(tb, "Test CA")
}

// Subordinate makes a CA whose certificate a issues.
func (a *Authority) Subordinate(tb testing.TB, name string) *Authority {
	tb.Helper()
	cert := a.Issue(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
	})
	return &Authority{Cert: cert.Leaf, PEM: encodePEM("CERTIFICATE", cert.Leaf.Raw), key: cert.PrivateKey.(*ecdsa.PrivateKey)}
}

// Issue issues a certificate after a template, with a key of its own. Without other
// times in the template it is valid for an hour.
func (a *Authority) Issue(tb testing.TB, template *x509.Certificate) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template.SerialNumber, template.PublicKey = big.NewInt(time.Now().UnixNano()), key.Public()
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.Cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// IssueFor issues a certificate for a host name and 127.0.0.1, for a server as well as
// for a client.
func (a *Authority) IssueFor(tb testing.TB, name string) tls.Certificate {
	tb.Helper()
	return a.Issue(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
}

// File writes the authority's certificate to a file.
func (a *Authority) File(tb testing.TB) string {
	tb.Helper()
	return writeFile(tb, "ca.pem", a.PEM)
}

// ServerFiles writes a certificate for localhost and its key to files.
func (a *Authority) ServerFiles(tb testing.TB) (cert, key string) {
	tb.Helper()
	c := a.IssueFor(tb, "localhost")
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		tb.Fatal(err)
	}
	return writeFile(tb, "cert.pem", encodePEM("CERTIFICATE", c.Certificate[0])), writeFile(tb, "key.pem", encodePEM("EC PRIVATE KEY", der))
}

// Pool returns what trusts the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	return pool
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func writeFile(tb testing.TB, name string, content []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
