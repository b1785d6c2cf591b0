package command_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/simulator"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// sendToken is the token of the app.
const sendToken = "xxxxyyyy"

// site is a Caddy with this module, configured like the quickstart, and its backend.
type site struct {
	url  string
	root string // the file with the certificate of Caddy's CA

	mu     sync.Mutex
	events []profile.Event
	ids    map[string]int
}

func startSite(t *testing.T) *site {
	t.Helper()
	s := &site{ids: make(map[string]int)}
	backend := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(backend.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	s.url = "https://localhost:" + port + "/im/callback"
	dir := t.TempDir()
	s.root = filepath.Join(dir, "caddy", "pki", "authorities", "local", "root.crt")
	config := filepath.Join(dir, "Caddyfile")
	err = os.WriteFile(config, fmt.Appendf(nil, `{
	admin off
	persist_config off
	skip_install_trust
	auto_https disable_redirects
	grace_period 5s
}

https://localhost:%s {
	bind 127.0.0.1
	tls internal
	tim_callback /im/callback 1400000000 %s
	reverse_proxy /im/callback %s
}
`, port, sendToken, backend.Listener.Addr()), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := caddytest.Command(t, dir, "run", "--config", config)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Caddy's log:\n%s", log.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true})
		if err == nil {
			conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("Caddy does not serve: %v", err)
		}
	}
}

func (s *site) receive(w http.ResponseWriter, r *http.Request) {
	var e profile.Event
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &e) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	s.ids[r.Header.Get("ce-id")]++
	_, _ = w.Write(callback.OK().JSON())
}

// received returns what the backend has received since the last call.
func (s *site) received() (events []profile.Event, ids map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, ids = s.events, s.ids
	s.events, s.ids = nil, make(map[string]int)
	return events, ids
}

// send runs the send command against a URL, with the token in the environment.
func send(t *testing.T, url string, args ...string) caddytest.Result {
	t.Helper()
	t.Setenv("TIM_CALLBACK_TOKEN", sendToken)
	r := caddytest.Run(t, sendArgs(url, args...)...)
	for _, output := range []string{r.Stdout, r.Stderr} {
		if strings.Contains(output, sendToken) {
			t.Errorf("the token is in the output: %s", output)
		}
	}
	return r
}

func sendArgs(url string, args ...string) []string {
	return append([]string{"tim-callback", "send", "--url", url, "--sdk-appid", "1400000000"}, args...)
}

// sent runs the send command with --json, and returns its report and exit code.
func sent(t *testing.T, url string, args ...string) (simulator.Report, int) {
	t.Helper()
	r := send(t, url, append(args, "--json")...)
	return readReport(t, r.Stdout), r.Code
}

func readReport(t *testing.T, stdout string) simulator.Report {
	t.Helper()
	var report simulator.Report
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&report); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("more than one object: %s", stdout)
	}
	return report
}

func TestSend(t *testing.T) {
	s := startSite(t)
	t.Run("the sample", func(t *testing.T) {
		r := send(t, s.url, "--cacert", s.root)
		if r.Code != 0 || r.Stderr != "" || !strings.HasSuffix(r.Stdout, "\nTencent would accept this answer.\n") ||
			!strings.Contains(r.Stdout, "\n  &Sign=REDACTED\n") || strings.Contains(r.Stdout, "\x1b") {
			t.Errorf("got %+v", r)
		}
		events, _ := s.received()
		if len(events) != 1 || fmt.Sprint(events[0].Changed()) != "[nick gender allow_type custom.Data]" ||
			events[0].Platform != "ios" || time.Since(events[0].EventTime).Abs() > time.Minute {
			t.Errorf("the backend got %+v", events)
		}
	})
	t.Run("made of flags", func(t *testing.T) {
		report, code := sent(t, s.url, "--cacert", s.root, "--from", "昵 1", "--operator", "admin", "--platform", "Web", "--client-ip", "2001:db8::1",
			"--item", "Tag_Profile_IM_Level=3", "--item", "Tag_Profile_Custom_A=1,2=3", "--event-time", "2022-07-04T15:50:52.497+08:00")
		events, _ := s.received()
		if code != 0 || len(events) != 1 {
			t.Fatalf("got %+v, the backend got %+v", report, events)
		}
		want := `{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet","event_time":"2022-07-04T07:50:52.497Z","operator_account":"admin",` +
			`"from_account":"昵 1","self_update":false,"platform":"web","client_ip":"2001:db8::1","profile":{"level":3},"custom":{"A":"1,2=3"}}`
		if got := string(events[0].AppendJSON(nil)); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if c := report.Callback; c == nil || !c.Taken || c.TLS == nil || !c.TLS.Verified || c.TLS.Certificate != "localhost" || len(c.Notes) != 0 ||
			!strings.Contains(c.Request.Body, `{"Tag": "Tag_Profile_IM_Level", "Value": 3}`) || !strings.HasSuffix(c.Request.URL, "&Sign=REDACTED") {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("many", func(t *testing.T) {
		report, code := sent(t, s.url, "--cacert", s.root, "--count", "300", "--concurrency", "6")
		if _, ids := s.received(); code != 0 || len(ids) != 300 {
			t.Errorf("%d different events, exit code %d", len(ids), code)
		}
		if report.Sent != 300 || report.Taken != 300 || !report.AllTaken || report.Connections > 6 || report.Callback != nil ||
			report.Latency == nil || report.Latency.P50 > report.Latency.Max || len(report.Failures) != 0 {
			t.Errorf("got %+v", report)
		}
	})
	t.Run("at a rate", func(t *testing.T) {
		report, code := sent(t, s.url, "--cacert", s.root, "--count", "21", "--rate", "100", "--event-time", "1970-01-01T00:00:00Z")
		// it must not be faster; how much slower it is depends on the machine
		if events, ids := s.received(); code != 0 || len(ids) != 21 || !events[20].EventTime.Equal(time.UnixMilli(20)) || report.Seconds < 0.19 {
			t.Errorf("%d different events, exit code %d, got %+v", len(ids), code, report)
		}
	})
	t.Run("a body", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, []byte(`{"From_Account":"u","ProfileItem":[],"EventTime":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, code := sent(t, s.url, "--cacert", s.root, "--count", "3", "--body", file)
		if events, ids := s.received(); code != 0 || len(events) != 3 || len(ids) != 1 || events[0].FromAccount != "u" {
			t.Errorf("%d different of %d events, exit code %d", len(ids), len(events), code)
		}
	})
	t.Run("wrong token", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte("another token\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"--token-file", file}, {"--token", "another token"}} {
			r := send(t, s.url, append(args, "--insecure", "--count", "2")...)
			if r.Code != 1 || r.Stderr != "" || strings.Contains(r.Stdout, "another token") ||
				!strings.HasSuffix(r.Stdout, "\n2 × status: status 401 Unauthorized instead of 200: Sign does not match\n") {
				t.Errorf("%v: got %+v", args, r)
			}
		}
	})
	t.Run("without token", func(t *testing.T) {
		t.Setenv("TIM_CALLBACK_TOKEN", "")
		r := caddytest.Run(t, sendArgs(s.url, "--insecure", "--json")...)
		if report := readReport(t, r.Stdout); r.Code != 1 || report.Callback.Answer.Status != http.StatusUnauthorized ||
			strings.Contains(report.Callback.Request.URL, "Sign") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("untrusted", func(t *testing.T) {
		report, code := sent(t, s.url)
		if code != 1 || report.Callback.Failure != "tls" || report.Callback.Answer != nil || report.Latency != nil {
			t.Errorf("got %+v", report)
		}
	})
	if events, _ := s.received(); len(events) != 0 {
		t.Errorf("the backend got %+v", events)
	}
}
