package timcallback

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// TestProtocols sends over HTTP/1.1, HTTP/2 and HTTP/3, good and bad.
func TestProtocols(t *testing.T) {
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\nanswer ack\ntimeout 1s\n}")
	roots := e.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	h3 := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer h3.Close()
	for name, client := range map[string]*http.Client{
		"HTTP/1.1": e.Client,
		"HTTP/2.0": {Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}},
		"HTTP/3.0": {Transport: h3},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "HTTP/3.0" {
				skipQUIC(t)
			}
			defer client.CloseIdleConnections()
			resp, err := client.Get(e.URL())
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.Proto != name || resp.StatusCode != 405 {
				t.Errorf("%s %d", resp.Proto, resp.StatusCode)
			}
			for query, want := range map[string]int{caddytest.SignedQuery(): 200, caddytest.SignedQuery("Sign", "x"): 401, caddytest.SignedQuery("contenttype", "xml"): 415} {
				if status, _, err := e.Send(client, query, sample.Body); status != want {
					t.Errorf("status %d %v, want %d", status, err, want)
				}
			}
			if status, _, err := e.Send(client, caddytest.SignedQuery(), strings.Repeat(" ", DefaultMaxBody+1)); status != 413 {
				t.Errorf("large body: %d %v", status, err)
			}
			keptAlive(t, e, client)
			halfBody(t, e, client)
		})
	}
}

// keptAlive sends on one connection, again after longer than a request may take.
func keptAlive(t *testing.T, e *caddytest.Edge, client *http.Client) {
	t.Helper()
	for n := range 2 {
		req, err := http.NewRequest("POST", e.URL()+"?"+caddytest.SignedQuery(), strings.NewReader(sample.Body))
		if err != nil {
			t.Fatal(err)
		}
		reused := false
		req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		}))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || n > 0 && resp.ProtoMajor < 3 && !reused {
			t.Errorf("callback %d: status %d, on the same connection: %v", n, resp.StatusCode, reused)
		}
		if n == 0 {
			time.Sleep(1100 * time.Millisecond) // the budget is 1 s: time itself is what is tested
		}
	}
}

// halfBody sends the beginning of a body and then nothing.
func halfBody(t *testing.T, e *caddytest.Edge, client *http.Client) {
	t.Helper()
	body, feed := io.Pipe()
	defer feed.Close()
	go func() { _, _ = io.WriteString(feed, sample.Body[:20]) }()
	start := time.Now()
	resp, err := client.Post(e.URL()+"?"+caddytest.SignedQuery(), "", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if _, err := callback.ParseAnswer(answer); err != nil || resp.StatusCode != 400 || time.Since(start) > 2*time.Second {
		t.Errorf("half a body: %d %q after %s", resp.StatusCode, answer, time.Since(start))
	}
}

// TestEarlyData sends a request as TLS 1.3 early data over QUIC. Whether it is still
// early when it is served is a race that the handshake may win, so it tries again.
func TestEarlyData(t *testing.T) {
	skipQUIC(t)
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\nanswer ack\n}")
	for range 50 {
		switch status := sendEarly(t, e); status {
		case http.StatusTooEarly:
			e.Logged("callback refused", "early_data")
			return
		case http.StatusMethodNotAllowed: // the handshake was complete
		default:
			t.Fatalf("status %d", status)
		}
	}
	t.Error("no request was served early")
}

// sendEarly gets a session ticket on one connection and sends a GET with it on
// another: what QUIC clients send as early data are only requests without a body.
func sendEarly(t *testing.T, e *caddytest.Edge) (status int) {
	t.Helper()
	sessions := tls.NewLRUClientSessionCache(1)
	tokens := quic.NewLRUTokenStore(1, 1)
	connect := func() *http3.Transport {
		return &http3.Transport{
			TLSClientConfig: &tls.Config{RootCAs: e.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs, ClientSessionCache: sessions},
			QUICConfig:      &quic.Config{TokenStore: tokens},
		}
	}
	first, second := connect(), connect()
	defer second.Close()
	if status, _, err := e.Send(&http.Client{Transport: first}, caddytest.SignedQuery(), sample.Body); err != nil || status != 200 {
		t.Fatalf("first connection: %d %v", status, err)
	}
	caddytest.Eventually(t, func() bool { _, ok := sessions.Get("localhost"); return ok }, "no session ticket")
	_ = first.Close()
	req, err := http.NewRequest(http3.MethodGet0RTT, e.URL()+"?"+caddytest.SignedQuery(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := second.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if _, err := callback.ParseAnswer(answer); err != nil {
		t.Errorf("answer %q", answer)
	}
	return resp.StatusCode
}

// TestTrustedProxy speaks plain HTTP to Caddy, as a load balancer that ends TLS does.
func TestTrustedProxy(t *testing.T) {
	port := caddytest.FreePort()
	(&caddytest.Edge{Global: "servers {\ntrusted_proxies static 127.0.0.1/32\n}", Sites: fmt.Sprintf(`http://:%d {
		bind 127.0.0.1
		tim_callback 1400000000 xxxxyyyy {
			answer ack
		}
	}`, port)}).Start(t, "respond 404")
	stranger := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	proxy := &http.Client{Transport: &http.Transport{}}
	defer stranger.CloseIdleConnections()
	defer proxy.CloseIdleConnections()
	for _, tc := range []struct {
		client *http.Client
		header http.Header
		status int
	}{
		{proxy, http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.7"}}, 200},
		{proxy, http.Header{"X-Forwarded-Proto": {"http"}}, 403},
		{proxy, http.Header{"X-Forwarded-Proto": {"https", "http"}}, 403},
		{proxy, http.Header{}, 403},
		{proxy, http.Header{"X-Forwarded-Proto": {"https"}, "Early-Data": {"1"}}, 425},
		{stranger, http.Header{"X-Forwarded-Proto": {"https"}}, 403},
	} {
		req, err := http.NewRequest("POST", fmt.Sprintf("http://127.0.0.1:%d/?%s", port, caddytest.SignedQuery()), strings.NewReader(sample.Body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = tc.header
		resp, err := tc.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.status {
			t.Errorf("%v: status %d, want %d", tc.header, resp.StatusCode, tc.status)
		}
	}
}

// TestMutualTLS has clients with a certificate of the right CA, of another one, and none.
func TestMutualTLS(t *testing.T) {
	ca, other := caddytest.NewAuthority(t), caddytest.NewAuthority(t)
	e := caddytest.StartEdge(t, `tls {
		client_auth {
			mode verify_if_given
			trust_pool file `+ca.File(t)+`
		}
	}
	tim_callback 1400000000 xxxxyyyy {
		require_client_cert
		answer ack
	}`)
	roots := e.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	with := func(certificates ...tls.Certificate) *http.Client {
		return &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(certificates) == 0 {
					return new(tls.Certificate), nil
				}
				return &certificates[0], nil
			}},
		}}
	}
	if status, _, err := e.Send(with(ca.IssueFor(t, "client")), caddytest.SignedQuery(), sample.Body); status != 200 {
		t.Errorf("right certificate: %d %v", status, err)
	}
	if status, _, err := e.Send(with(ca.IssueFor(t, "client")), caddytest.SignedQuery("Sign", "x"), sample.Body); status != 401 {
		t.Errorf("right certificate, wrong Sign: %d %v", status, err)
	}
	if status, _, err := e.Send(with(), caddytest.SignedQuery(), sample.Body); status != 403 {
		t.Errorf("no certificate: %d %v", status, err)
	}
	if status, _, err := e.Send(with(other.IssueFor(t, "client")), caddytest.SignedQuery(), sample.Body); err == nil {
		t.Errorf("certificate of another CA: %d", status)
	}
	e.Logged("callback refused", "client_cert")
}

// TestAllowListExample has the directives of the example: a stranger is refused
// even with a good Sign, before anything is answered, stored or forwarded.
func TestAllowListExample(t *testing.T) {
	text, err := os.ReadFile("caddyfile/allow-list.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	_, site, _ := strings.Cut(string(text), "im.example.com} {")
	site = strings.TrimSuffix(strings.TrimSpace(site), "}")
	t.Setenv("TIM_CALLBACK_TOKEN", sample.Token)
	t.Setenv("TIM_BACKENDS", caddytest.Serve(t, func(http.ResponseWriter, *http.Request) {}))
	for egress, want := range map[string]int{"192.0.2.0/24": 403, "127.0.0.1": 200} {
		t.Run(egress, func(t *testing.T) {
			t.Setenv("TIM_EGRESS", egress)
			e := caddytest.StartEdge(t, site)
			resp, err := e.Client.Post(e.URL()+"?"+caddytest.SignedQuery(), "", strings.NewReader(sample.Body))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("status %d, want %d", resp.StatusCode, want)
			}
		})
	}
}

// TestReloadUnderTraffic reloads again and again; no callback may fail.
func TestReloadUnderTraffic(t *testing.T) {
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(time.Millisecond) // so that requests outlive their configuration
		_, _ = w.Write(callback.OK().JSON())
	})
	const senders, reloads = 8, 10
	site := func(n int) string {
		return fmt.Sprintf("header X-Config %d\ntim_callback 1400000000 xxxxyyyy {\nmax_age %ds\n}\nreverse_proxy %s", n, 60+n, backend)
	}
	e := caddytest.StartEdge(t, site(0))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent atomic.Int64
	for range senders {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, answer, err := e.Send(e.Client, caddytest.SignedQuery(), sample.Body)
				if err != nil || status != 200 || answer != callback.OK() {
					t.Errorf("%d %+v %v", status, answer, err)
					return
				}
				sent.Add(1)
			}
		})
	}
	for n := range reloads {
		before := sent.Load()
		e.Load(site(n + 1))
		caddytest.Eventually(t, func() bool { return sent.Load() > before+20 || t.Failed() }, "no traffic")
	}
	close(stop)
	wg.Wait()
	t.Logf("%d callbacks answered, %d resent", sent.Load(), e.Resent.Load())
	if e.Resent.Load() > reloads*senders {
		t.Error("more were resent than there were connections to close")
	}

	// one that cannot be provisioned changes nothing
	if err := caddy.Load([]byte(`{"apps":{"http":{"servers":{"x":{"routes":[{"handle":[{"handler":"tim_callback"}]}]}}}}}`), true); err == nil {
		t.Error("a configuration without an app was loaded")
	}
	e.Want(200, "OK")
}
