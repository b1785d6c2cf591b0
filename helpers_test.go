package timcallback

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	testApp   = "1400000000"
	testToken = "xxxxyyyy"

	// sample is the body in Tencent's documents
	sample = `{
  "CallbackCommand": "Profile.CallbackPortraitSet",
  "Operator_Account": "id1",
  "From_Account": "id1",
  "EventTime": 1656921052497,
  "ProfileItem": [
    {"Tag": "Tag_Profile_IM_Nick", "Value": "nick1"},
    {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"},
    {"Tag": "Tag_Profile_IM_AllowType", "Value": "AllowType_Type_NeedConfirm"},
    {"Tag": "Tag_Profile_Custom_Data", "Value": "your custom data"}
  ]
}`
	normalizedSample = `{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet",` +
		`"event_time":"2022-07-04T07:50:52.497Z","operator_account":"id1","from_account":"id1","self_update":true,` +
		`"platform":"ios","client_ip":"127.0.0.1","profile":{"nick":"nick1","gender":"male","allow_type":"need_confirm"},` +
		`"custom":{"Data":"your custom data"}}`
)

// provisioned returns a handler for testApp, changed by configure, and what it logs.
func provisioned(tb testing.TB, configure func(*Handler)) (*Handler, *observer.ObservedLogs) {
	tb.Helper()
	h := &Handler{Apps: []App{{SDKAppID: testApp, Tokens: []string{testToken}}}}
	if configure != nil {
		configure(h)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	tb.Cleanup(cancel)
	if err := h.Provision(ctx); err != nil {
		tb.Fatal(err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	h.logger = zap.New(core)
	return h, logs
}

// signedQuery is the query of a callback that is signed now; changes are pairs of
// a parameter and its value, where "" removes it.
func signedQuery(changes ...string) string {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	q := url.Values{
		"SdkAppid":        {testApp},
		"CallbackCommand": {profile.Command},
		"contenttype":     {"json"},
		"ClientIP":        {"127.0.0.1"},
		"OptPlatform":     {"iOS"},
		"RequestTime":     {now},
		"Sign":            {profile.Sign(testToken, now)},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q.Encode()
}

// tlsRequest is a request as Caddy's server hands it to a handler.
func tlsRequest(method, query, body string) *http.Request {
	r := httptest.NewRequest(method, "https://im.example.com/im/callback?"+query, strings.NewReader(body))
	r.TLS.HandshakeComplete = true
	repl := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, repl, nil, nil)
}

// serve runs the handler and checks what holds for every answer: one, in JSON.
func serve(tb testing.TB, h *Handler, r *http.Request, next caddyhttp.HandlerFunc) (*httptest.ResponseRecorder, profile.Answer) {
	tb.Helper()
	if next == nil {
		next = func(http.ResponseWriter, *http.Request) error {
			tb.Error("the next handler was called")
			return nil
		}
	}
	w := &onceWriter{ResponseRecorder: httptest.NewRecorder()}
	if err := h.ServeHTTP(w, r, next); err != nil {
		tb.Errorf("ServeHTTP returned %v", err)
	}
	if w.headers != 1 {
		tb.Errorf("%d answers, want 1", w.headers)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		tb.Errorf("Content-Type %q", got)
	}
	a, err := profile.ParseAnswer(w.Body.Bytes())
	if err != nil {
		tb.Errorf("answer %q: %v", w.Body, err)
	}
	if !json.Valid(w.Body.Bytes()) {
		tb.Errorf("answer %q is not JSON", w.Body)
	}
	return w.ResponseRecorder, a
}

// onceWriter counts the answers.
type onceWriter struct {
	*httptest.ResponseRecorder
	headers int
}

func (w *onceWriter) WriteHeader(status int) {
	w.headers++
	w.ResponseRecorder.WriteHeader(status)
}

func (w *onceWriter) Unwrap() http.ResponseWriter { return w.ResponseRecorder }

// noSecrets fails if any of the log entries has the secret.
func noSecrets(tb testing.TB, logs *observer.ObservedLogs, secrets ...string) {
	tb.Helper()
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, entry := range logs.All() {
		line, err := encoder.EncodeEntry(entry.Entry, entry.Context)
		if err != nil {
			tb.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(line.String(), secret) {
				tb.Errorf("a log line holds a secret: %s", line)
			}
		}
	}
}
