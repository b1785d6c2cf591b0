package commandtest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// around does a step that is about what is around a block: "<name>" or "<name>=<value>".
func (s *sandbox) around(step string) {
	s.t.Helper()
	name, value, _ := strings.Cut(step, "=")
	n, _ := strconv.Atoi(value)
	switch name {
	case "backend": // answers with this status from now on
		s.backend.Store(int32(n))
	case "send": // so many callbacks of one user each, one after the other; refused ones are dead before the next
		for i := range n {
			s.expect(http.StatusOK, s.send(nil, "xxxxyyyy", fmt.Sprint(i+1)))
			if s.backend.Load() < 500 {
				s.holds(func(waiting, dead int) bool { return waiting == 0 })
			}
		}
	case "dead": // that many dead letters, and nothing else
		s.holds(func(waiting, dead int) bool { return waiting == 0 && dead == n })
	case "held": // that many events that are not delivered, and no dead letter
		s.holds(func(waiting, dead int) bool { return waiting == n && dead == 0 })
	case "accepted", "refused": // is the token in this file of /etc/caddy
		token, err := os.ReadFile(s.etc(value))
		if err != nil {
			s.t.Fatal(err)
		}
		want := map[string]int{"accepted": http.StatusOK, "refused": http.StatusUnauthorized}[name]
		s.expect(want, s.send(nil, strings.TrimSpace(string(token)), "1"))
	case "certified", "callback": // one with Tencent's certificate, or without, gets this status
		config := s.trusting()
		if name == "certified" {
			config.Certificates = []tls.Certificate{s.ca.issue(s.t, "Tencent")}
		}
		s.expect(n, s.send(config, "xxxxyyyy", "1"))
	case "front": // what ends TLS in front of Caddy, and says so
		s.startFront()
	case "proxied": // a callback that comes with a line of the PROXY protocol gets OK
		s.expect(http.StatusOK, s.sendProxied())
	default:
		s.t.Fatalf("there is no step %q", step)
	}
}

func (s *sandbox) expect(want, got int) {
	s.t.Helper()
	if got != want {
		s.t.Fatalf("a callback got %d, want %d", got, want)
	}
}

func (s *sandbox) holds(condition func(waiting, dead int) bool) {
	s.t.Helper()
	eventually(s.t, "the queue holds what it should", func() bool {
		q := queueState(s.t, s.admin, "default")
		return condition(q.Waiting+q.InFlight, q.Dead)
	})
}

// trusting trusts the CAs of the sandbox.
func (s *sandbox) trusting() *tls.Config {
	s.t.Helper()
	text, err := os.ReadFile(s.roots())
	if err != nil {
		s.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// callback is one that was never sent before.
func (s *sandbox) callback(token, user string) *http.Request {
	s.t.Helper()
	body := fmt.Sprintf(`{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":"id%s","EventTime":%d,`+
		`"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"nick%[1]s"}]}`, user, 1656921052497+s.sent)
	s.sent++
	r, err := profile.NewRequest(s.t.Context(), "https://"+s.site+"/im/callback", profile.Callback{
		SDKAppID: "1400000000", Token: token, Body: []byte(body),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// send sends a callback and returns the status of the answer.
func (s *sandbox) send(config *tls.Config, token, user string) int {
	s.t.Helper()
	if config == nil {
		config = s.trusting()
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Do(s.callback(token, user))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (s *sandbox) sendProxied() int {
	s.t.Helper()
	raw, err := net.Dial("tcp", s.site)
	if err != nil {
		s.t.Fatal(err)
	}
	defer raw.Close()
	fmt.Fprint(raw, "PROXY TCP4 192.0.2.7 127.0.0.1 40000 443\r\n")
	conn := tls.Client(raw, s.trusting())
	r := s.callback("xxxxyyyy", "1")
	if err := r.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (s *sandbox) startFront() {
	s.t.Helper()
	listener, err := net.Listen("tcp", strings.Replace(s.site, "localhost", "127.0.0.1", 1))
	if err != nil {
		s.t.Fatal(err)
	}
	target := &url.URL{Scheme: "http", Host: strings.Replace(s.plain, "localhost", "127.0.0.1", 1)}
	s.front = httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded() // also X-Forwarded-Proto
	}})
	s.front.Listener.Close()
	s.front.Listener = listener
	s.front.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that only see whether it is there
	s.front.TLS = &tls.Config{Certificates: []tls.Certificate{s.ca.issue(s.t, "localhost")}}
	s.front.StartTLS()
}

// authority is a CA, Tencent's among others.
type authority struct {
	pem  []byte
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := new(authority)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert := a.issueFrom(t, template)
	a.cert, a.key = cert.Leaf, cert.PrivateKey.(*ecdsa.PrivateKey)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return a
}

// issue issues a certificate, for a server of this name as well as for a client.
func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return a.issueFrom(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
}

func (a *authority) issueFrom(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
