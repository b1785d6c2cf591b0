package checker

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	app   = "1400000000"
	token = "xxxxyyyy"
)

// endpoint does everything right, except what the probe named lax checks.
type endpoint struct {
	lax     string
	token   string
	command string                                                   // default: profile.Command
	decides string                                                   // a command that asks for a decision; default: none
	decide  http.HandlerFunc                                         // the answer to it; default: OK
	refuse  func(w http.ResponseWriter, r *http.Request, why string) // default: 403 and FAIL
	accept  http.HandlerFunc                                         // default: OK

	mu      sync.Mutex
	events  map[int64]int // callbacks accepted, by EventTime
	plain   []string      // queries that came over plain HTTP
	blocked bool
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if r.TLS == nil {
		e.plain = append(e.plain, r.URL.RawQuery)
	}
	blocked := e.blocked
	e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	why := "blocked"
	if !blocked {
		why = e.wrong(r)
	}
	switch {
	case why != "" && e.refuse != nil:
		e.refuse(w, r, why)
	case why != "":
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(callback.Fail(why).JSON())
	case e.decide != nil && r.URL.Query().Get("CallbackCommand") == e.decides:
		e.decide(w, r)
	case e.accept != nil:
		e.accept(w, r)
	default:
		_, _ = w.Write(callback.OK().JSON())
	}
}

// wrong says what is wrong with a request. It is written like a typical backend.
func (e *endpoint) wrong(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case e.lax == "accepts":
		return "everything is"
	case r.TLS == nil && !strings.Contains(e.lax, "plain_http"):
		return "plain HTTP"
	case r.Method != http.MethodPost && e.lax != "method":
		return "method"
	case repeats(q) && e.lax != "repeated_app":
		return "repeated"
	case q.Get("SdkAppid") != app && e.lax != "wrong_app":
		return "app"
	case q.Get("OptPlatform") != "RESTAPI" && e.lax == "news":
		return "platform"
	}
	if why := e.wrongSign(q.Get("Sign"), q.Get("RequestTime")); why != "" && e.token != "" {
		return why
	}
	command := cmp.Or(e.command, profile.Command)
	if e.decides != "" && q.Get("CallbackCommand") == e.decides {
		command = e.decides
	}
	if q.Get("CallbackCommand") != command {
		return "command"
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || len(text) > 64<<10 && e.lax != "huge_body" {
		return "body"
	}
	var body struct {
		CallbackCommand string
		EventTime       jsonNumber
	}
	if err := json.Unmarshal(text, &body); err != nil && e.lax != "not_json" {
		return "not JSON"
	}
	if body.CallbackCommand != command && body.CallbackCommand != "" && e.lax != "command_mismatch" {
		return "command"
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events[int64(body.EventTime)]++
	return ""
}

// jsonNumber is a number that may be a string, as in callbacks about groups.
type jsonNumber int64

func (n *jsonNumber) UnmarshalJSON(text []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*n = jsonNumber(i)
	return err
}

func repeats(q url.Values) bool {
	n := 0
	for name, values := range q {
		if strings.EqualFold(name, "SdkAppid") {
			n += len(values)
		}
	}
	return n > 1
}

func (e *endpoint) wrongSign(sign, at string) string {
	if sign == "" || at == "" {
		if strings.Contains(e.lax, "no_sign") {
			return ""
		}
		return "unsigned"
	}
	if sign != callback.Sign(e.token, at) && e.lax != "wrong_sign" {
		return "sign"
	}
	seconds, _ := strconv.ParseInt(at, 10, 64)
	age, most := time.Since(time.Unix(seconds, 0)), time.Minute
	if e.lax == "stale_minutes" {
		most = 5 * time.Minute
	}
	if age > most && e.lax != "stale" || age < -most && e.lax != "future" {
		return "time"
	}
	return ""
}

// serve serves e over TLS and over plain HTTP, and returns how to check it.
func serve(t *testing.T, e *endpoint, certificate tls.Certificate, configure func(*httptest.Server)) Endpoint {
	t.Helper()
	e.events = map[int64]int{}
	secure, plain := httptest.NewUnstartedServer(e), httptest.NewUnstartedServer(e)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if configure != nil {
		configure(secure)
	}
	for _, server := range []*httptest.Server{secure, plain} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
	}
	secure.StartTLS()
	plain.Start()
	return Endpoint{URL: secure.URL + "/im/callback?own=1", PlainURL: plain.URL + "/im/callback", SDKAppID: app, Token: e.token}
}

// late answers the first request after Tencent has stopped waiting.
func late() http.HandlerFunc {
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { time.Sleep(tencent.Timeout + 20*time.Millisecond) })
		_, _ = w.Write(callback.OK().JSON())
	}
}
