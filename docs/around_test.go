package docs

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// around does a step that is about what is around a block: "<name>" or "<name>=<value>".
func (s *sandbox) around(step string) {
	s.t.Helper()
	name, value, _ := strings.Cut(step, "=")
	n, _ := strconv.Atoi(value)
	switch name {
	case "backend": // answers with this status from now on
		s.answer(n)
	case "send": // so many callbacks of one user each, one after the other; refused ones are dead before the next
		for i := range n {
			s.expect(http.StatusOK, s.send(nil, "xxxxyyyy", fmt.Sprint(i+1)))
			if s.status < 500 {
				// an event dies of being refused only while the backend takes others
				s.expect(http.StatusOK, s.send(nil, "xxxxyyyy", fmt.Sprint(i+1, caddytest.TakenUser)))
				s.holds(func(waiting, dead int) bool { return waiting == 0 })
			}
		}
	case "dead": // that many dead letters, and nothing else
		s.holds(func(waiting, dead int) bool { return waiting == 0 && dead == n })
	case "held": // that many events that are not delivered, and no dead letter
		s.holds(func(waiting, dead int) bool { return waiting == n && dead == 0 })
	case "spooled": // that many events are on Caddy's own disk
		s.spooled(n)
	case "database": // is stopped or started
		if value == "stop" {
			s.database().Kill()
		} else {
			s.database().Restart()
		}
	case "schema": // is applied by hand: "<database>/<role>"
		s.makeTables(value)
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
			config.Certificates = []tls.Certificate{s.ca.IssueFor(s.t, "Tencent")}
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
	caddytest.Eventually(s.t, func() bool {
		q := caddytest.QueueOf(s.t, s.admin, "default")
		return condition(q.Waiting+q.InFlight, q.Dead)
	}, "the queue holds what it should")
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
	command := cmp.Or(s.command, profile.Command)
	body := fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":"id%s","EventTime":%d,`+
		`"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"nick%[2]s"}]}`, command, user, 1656921052497+s.sent)
	s.sent++
	r, err := callback.NewRequest(s.t.Context(), "https://"+s.site+"/im/callback", callback.Request{
		SDKAppID: "1400000000", Command: command, Token: token, Body: []byte(body),
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
	s.front.TLS = &tls.Config{Certificates: []tls.Certificate{s.ca.IssueFor(s.t, "localhost")}}
	s.front.StartTLS()
}
