package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// attempt returns an Attempt with this exchange and the verdict on it.
func attempt(x tencent.Exchange) Attempt {
	return Attempt{
		URL:    "https://im.example.com/cb?a=b&SdkAppid=1&Sign=REDACTED",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Other": {"x"}},
		Body:   []byte(`{"昵": "x"}`), Exchange: &x, Verdict: x.Judge(),
	}
}

func answered(status int, body string, took time.Duration) tencent.Exchange {
	return tencent.Exchange{
		Status: status, Proto: "HTTP/1.1", Header: http.Header{"Content-Type": {"application/json"}, "Date": {"today"}},
		Body: []byte(body), Took: took, Connected: true, Reused: status == 200,
	}
}

func TestSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally Tally
		tally.start()
		for range 96 {
			tally.add(attempt(answered(200, string(callback.OK().JSON()), 10*time.Millisecond)))
		}
		tally.add(attempt(answered(200, string(callback.Fail("no").JSON()), 20*time.Millisecond)))
		tally.add(attempt(answered(502, "", 30*time.Millisecond)))
		tally.add(attempt(answered(503, "", 40*time.Millisecond)))
		tally.add(attempt(tencent.Exchange{Err: errors.New("connection refused"), Took: time.Hour}))
		time.Sleep(4 * time.Second)
		tally.stop()
		time.Sleep(time.Hour)
		want := `{"all_taken":false,"interrupted":true,"requested":1000,"sent":100,"taken":97,"said_fail":1,"connections":2,` +
			`"seconds":4,"per_second":25,"latency_ms":{"p50":10.047,"p90":10.047,"p99":40,"max":40},` +
			`"failures":{"connection":{"count":1,"example":"connection refused"},"status":{"count":2,"example":"status 502 Bad Gateway instead of 200"}}}`
		r := tally.Report(1000)
		got, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		text := write(t, r)
		for _, line := range []string{
			"sent     100 of 1000, then interrupted\n", "in       4.00 s, 25.0 per second, over 2 connections\n",
			"accepted 97 of 100, of which 1 say FAIL\n", "max 40.0 ms\n",
			"1 × connection: connection refused\n", "2 × status: status 502 Bad Gateway instead of 200\n",
		} {
			if !strings.Contains(text, line) {
				t.Errorf("%q is not in\n%s", line, text)
			}
		}
		if got, want := tally.progress(1000, 79), "100/1000 sent, 3 not accepted, 25 per second, p99 40.0 ms"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := tally.progress(1000, 12) + tally.progress(1, -1); got != "100/1000 sen" {
			t.Errorf("got %q", got)
		}
	})
}

// With several commands, the report says which ones were not accepted.
func TestReportOfCommands(t *testing.T) {
	var tally Tally
	add := func(command string, status int, n int) {
		for range n {
			a := attempt(answered(status, string(callback.OK().JSON()), 1))
			a.Command = command
			tally.add(a)
		}
	}
	add("State.StateChange", 200, 2)
	if r := tally.Report(2); r.Commands != nil {
		t.Errorf("of one command: got %+v", r.Commands)
	}
	add("Bot.OnC2CMessage", 200, 1)
	add("Bot.OnC2CMessage", 403, 2)
	r := tally.Report(5)
	if c := r.Commands["Bot.OnC2CMessage"]; len(r.Commands) != 2 || c == nil || *c != (CommandCount{3, 1, "status 403 Forbidden instead of 200"}) {
		t.Errorf("got %+v", r.Commands)
	}
	text := write(t, r)
	if !strings.Contains(text, "\nBot.OnC2CMessage: 2 of 3 not accepted: status 403 Forbidden instead of 200\n") || strings.Contains(text, "State.StateChange") {
		t.Errorf("got %s", text)
	}
}

func TestReportAllTaken(t *testing.T) {
	var tally Tally
	if r := tally.Report(1); r.AllTaken || !r.Interrupted || r.Latency != nil || r.Callback != nil {
		t.Errorf("of none: got %+v", r)
	}
	tally.add(attempt(answered(200, string(callback.OK().JSON()), 1)))
	if r := tally.Report(2); !r.AllTaken || !r.Interrupted || r.Callback != nil {
		t.Errorf("of one: got %+v", r)
	}
	tally.add(attempt(answered(500, "", 1)))
	if r := tally.Report(2); r.AllTaken || r.Interrupted {
		t.Errorf("of two: got %+v", r)
	}
}

// Late answers count for the latency.
func TestLatencyHasWhatCameTooLate(t *testing.T) {
	var tally Tally
	late := answered(200, string(callback.OK().JSON()), 3*time.Second)
	tally.add(attempt(late))
	if l := tally.Report(2).Latency; l == nil || l.Max != 3000 {
		t.Errorf("got %+v", l)
	}
}

func TestCallbackReport(t *testing.T) {
	x := answered(200, string(callback.Fail("no").JSON()), 1500*time.Microsecond)
	leaf := &x509.Certificate{
		DNSNames: []string{"im.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		Issuer: pkix.Name{CommonName: "A CA"}, NotAfter: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	x.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{leaf}}
	var tally Tally
	tally.add(attempt(x))
	got, err := json.Marshal(tally.Report(1).Callback)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"request":{"method":"POST","url":"https://im.example.com/cb?a=b\u0026SdkAppid=1\u0026Sign=REDACTED","headers":{"Content-Type":"application/json"},"body":"{\"昵\": \"x\"}"},` +
		`"answer":{"status":200,"proto":"HTTP/1.1","headers":{"Content-Type":"application/json"},"body":"{\"ActionStatus\":\"FAIL\",\"ErrorCode\":1,\"ErrorInfo\":\"no\"}"},` +
		`"tls":{"version":"TLS 1.3","certificate":"im.example.com, 127.0.0.1","issuer":"CN=A CA","expires":"2030-01-02T03:04:05Z","verified":false},` +
		`"ms":1.5,"taken":true,"notes":["the answer says FAIL","the server's certificate was not verified; Tencent verifies it"]}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	wantText := `POST https://im.example.com/cb
  ?a=b
  &SdkAppid=1
  &Sign=REDACTED
Content-Type: application/json

{"昵": "x"}

HTTP/1.1 200 OK after 1.50 ms
Content-Type: application/json

{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no"}

TLS 1.3, certificate of im.example.com, 127.0.0.1 by CN=A CA until 2030-01-02
  03:04:05
Tencent would accept this answer.
Note: the answer says FAIL
Note: the server's certificate was not verified; Tencent verifies it
`
	if got := write(t, tally.Report(1)); got != wantText {
		t.Errorf("got %s\nwant %s", got, wantText)
	}
}

func TestCallbackReportWithoutAnswer(t *testing.T) {
	var tally Tally
	tally.add(attempt(tencent.Exchange{Err: errors.New("connection refused")}))
	r := tally.Report(1)
	if r.Callback == nil || r.Callback.Answer != nil || r.Callback.TLS != nil || r.Callback.Failure != tencent.FailConnection || r.Callback.Taken {
		t.Errorf("got %+v", r.Callback)
	}
	if text := write(t, r); !strings.HasSuffix(text, "\nTencent would get no answer: connection refused (connection)\n") {
		t.Errorf("got %s", text)
	}
}

// An endpoint must not be able to write escape sequences to the terminal.
func TestTextIsHarmless(t *testing.T) {
	x := answered(302, "\x1b]0;title\a\u009b\u202e\x7f"+strings.Repeat("昵", maxShown), time.Millisecond)
	x.Header.Set("Location", "\x1b[2J\n"+strings.Repeat("x ", 100))
	var tally Tally
	tally.add(attempt(x))
	tally.add(attempt(x))
	text := write(t, tally.Report(2))
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > console.DefaultWidth {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	var single Tally
	single.add(attempt(x))
	text += write(t, single.Report(1))
	if strings.ContainsAny(text, "\x1b\a") || !utf8.ValidString(text) {
		t.Errorf("got %q", text)
	}
	var b strings.Builder
	if err := single.Report(1).WriteJSON(&b); err != nil || strings.ContainsAny(b.String(), "\u009b\u202e\x7f") || !json.Valid([]byte(b.String())) {
		t.Errorf("got %v, %q", err, b.String())
	}
	if want := "… and 4016 more bytes\n"; !strings.Contains(text, want) {
		t.Errorf("%q is not in %q", want, text)
	}
}

func TestDuration(t *testing.T) {
	for ms, want := range map[float64]string{0: "0.00 ms", 9.994: "9.99 ms", 12.34: "12.3 ms", 123.4: "123 ms", 2000: "2.00 s"} {
		if got := duration(ms); got != want {
			t.Errorf("%v: got %s, want %s", ms, got, want)
		}
	}
}

func write(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteText(&b, console.Palette{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestProgressIsShownAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally Tally
		var screen strings.Builder
		tally.start()
		stop := tally.ShowProgress(&screen, 2)
		time.Sleep(150 * time.Millisecond)
		tally.add(attempt(answered(200, string(callback.OK().JSON()), time.Millisecond)))
		time.Sleep(100 * time.Millisecond)
		stop()
		want := "\r\x1b[K0/2 sent, 0 not accepted, 0 per second\r\x1b[K1/2 sent, 0 not accepted, 5 per second, p99 1.00 ms\r\x1b[K"
		if got := screen.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
