package command_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// checkedSite is a Caddy with a site at https://localhost to be checked.
type checkedSite struct {
	dir string // has ca.pem, cert.pem and key.pem, which the site and a client can use
	url string
}

// newCheckedSite starts a Caddy whose site has these directives, and these options of the
// directive tls. In both, DIR stands for the directory with the certificates.
func newCheckedSite(t *testing.T, tls, directives string) checkedSite {
	t.Helper()
	s := checkedSite{dir: t.TempDir()}
	s.certify(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	l.Close()
	s.url = "https://localhost:" + port + "/im/callback"

	config := filepath.Join(s.dir, "Caddyfile")
	text := strings.ReplaceAll(`{
	admin off
	persist_config off
	auto_https disable_redirects
}

`+"https://localhost:"+port+` {
	bind 127.0.0.1
	tls DIR/cert.pem DIR/key.pem {
		`+tls+`
	}
	`+directives+`
}
`, "DIR", s.dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := caddytest.Command(t, s.dir, "run", "--config", config)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatalf("Caddy has ended: %s", log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// certify makes a CA, and a certificate for localhost that the CA has issued.
func (s checkedSite) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(template, parent *x509.Certificate) []byte {
		template.SerialNumber = big.NewInt(time.Now().UnixNano())
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root := sign(ca, ca)
	if ca, err = x509.ParseCertificate(root); err != nil {
		t.Fatal(err)
	}
	leaf := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: root},
		"cert.pem": {Type: "CERTIFICATE", Bytes: leaf},
		"key.pem":  {Type: "EC PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs the command against the site, trusting its CA.
func (s checkedSite) check(t *testing.T, args ...string) caddytest.Result {
	t.Helper()
	return caddytest.Run(t, append([]string{
		"tim-callback", "check", "--url", s.url, "--sdk-appid", "1400000000", "--cacert", filepath.Join(s.dir, "ca.pem"),
	}, args...)...)
}
