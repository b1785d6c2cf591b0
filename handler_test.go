package timcallback

import (
	"cmp"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

func TestRefusals(t *testing.T) {
	trusted := func(r *http.Request) { caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true) }
	for _, tc := range []struct {
		name      string
		configure func(*Handler)
		method    string
		query     string
		body      string
		change    func(*http.Request)
		reason    callback.Reason
		status    int
	}{
		{name: "plain HTTP", change: func(r *http.Request) { r.TLS = nil }, reason: "plain_http", status: 403},
		{
			name:   "forged X-Forwarded-Proto",
			change: func(r *http.Request) { r.TLS = nil; r.Header.Set("X-Forwarded-Proto", "https") },
			reason: "plain_http", status: 403,
		},
		{
			name:   "trusted proxy that was spoken to in plain HTTP",
			change: func(r *http.Request) { trusted(r); r.Header.Set("X-Forwarded-Proto", "http") },
			reason: "plain_http", status: 403,
		},
		{
			name:   "trusted proxy with two values",
			change: func(r *http.Request) { trusted(r); r.Header["X-Forwarded-Proto"] = []string{"https", "https"} },
			reason: "plain_http", status: 403,
		},
		{
			name:   "trusted proxy with a list",
			change: func(r *http.Request) { trusted(r); r.Header.Set("X-Forwarded-Proto", "https, http") },
			reason: "plain_http", status: 403,
		},
		{
			name:   "trusted proxy without the header",
			change: func(r *http.Request) { trusted(r); r.TLS = nil },
			reason: "plain_http", status: 403,
		},
		{name: "early data", change: func(r *http.Request) { r.TLS.HandshakeComplete = false }, reason: "early_data", status: 425},
		{
			name:   "early data at a trusted proxy",
			change: func(r *http.Request) { trusted(r); r.Header.Set("Early-Data", "1") },
			reason: "early_data", status: 425,
		},
		{name: "GET", method: "GET", reason: "method", status: 405},
		{name: "PUT", method: "PUT", reason: "method", status: 405},
		{name: "lower-case post", method: "post", reason: "method", status: 405},
		{name: "no client certificate", configure: func(h *Handler) { h.RequireClientCert = true }, reason: "client_cert", status: 403},
		{
			name:      "client certificate that nobody verified",
			configure: func(h *Handler) { h.RequireClientCert = true },
			change:    func(r *http.Request) { r.TLS.PeerCertificates = []*x509.Certificate{{}} },
			reason:    "client_cert", status: 403,
		},
		{name: "no query", query: "-", reason: "bad_query", status: 400},
		{name: "SdkAppid in two spellings", query: caddytest.SignedQuery("SdkAppId", sample.SDKAppID), reason: "bad_query", status: 400},
		{name: "SdkAppid twice", query: caddytest.SignedQuery() + "&SdkAppid=1", reason: "bad_query", status: 400},
		{name: "CallbackCommand missing", query: caddytest.SignedQuery("CallbackCommand", ""), reason: "bad_query", status: 400},
		{name: "semicolon", query: caddytest.SignedQuery() + ";x=1", reason: "bad_query", status: 400},
		{name: "bad escape", query: caddytest.SignedQuery() + "&x=%zz", reason: "bad_query", status: 400},
		{name: "another app", query: caddytest.SignedQuery("SdkAppid", "1400000001"), reason: "unknown_app", status: 403},
		{name: "app with a leading zero", query: caddytest.SignedQuery("SdkAppid", "01400000000"), reason: "unknown_app", status: 403},
		{name: "no Sign", query: caddytest.SignedQuery("Sign", ""), reason: "unsigned", status: 401},
		{name: "no RequestTime", query: caddytest.SignedQuery("RequestTime", ""), reason: "unsigned", status: 401},
		{name: "old", query: signedAt(sample.Token, -62*time.Second), reason: "stale", status: 401},
		{name: "of the future", query: signedAt(sample.Token, 62*time.Second), reason: "stale", status: 401},
		{name: "RequestTime beyond int64", query: caddytest.SignedQuery("RequestTime", "99999999999999999999"), reason: "stale", status: 401},
		{name: "RequestTime with a sign", query: caddytest.SignedQuery("RequestTime", "-1"), reason: "stale", status: 401},
		{name: "wrong token", query: signedAt("xxxyyyy", 0), reason: "bad_sign", status: 401},
		{name: "short Sign", query: caddytest.SignedQuery("Sign", "17773bc3"), reason: "bad_sign", status: 401},
		{name: "Sign that is no hex", query: caddytest.SignedQuery("Sign", strings.Repeat("z", 64)), reason: "bad_sign", status: 401},
		{name: "content type", query: caddytest.SignedQuery("contenttype", "xml"), reason: "content_type", status: 415},
		{name: "another command", query: caddytest.SignedQuery("CallbackCommand", "State.StateChange"), reason: "command", status: 403},
		{name: "command in another case", query: caddytest.SignedQuery("CallbackCommand", "profile.callbackportraitset"), reason: "command", status: 403},
		{name: "too large", body: strings.Repeat(" ", DefaultMaxBody) + "{}", reason: "too_large", status: 413},
		{
			name: "too large without a length", body: strings.Repeat(" ", DefaultMaxBody) + "{}",
			change: func(r *http.Request) { r.ContentLength = -1 },
			reason: "too_large", status: 413,
		},
		{
			name:   "too large for a request_body before",
			change: func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 10) },
			reason: "too_large", status: 413,
		},
		{
			name:   "body that breaks off",
			change: func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) },
			reason: "body_read", status: 400,
		},
		{name: "no body", body: "-", reason: "bad_body", status: 400},
		{name: "not JSON", body: "hello", reason: "bad_body", status: 400},
		{name: "JSON that is no object", body: "[]", reason: "bad_body", status: 400},
		{name: "trailing data", body: sample.Body + "x", reason: "bad_body", status: 400},
		{name: "two objects", body: sample.Body + sample.Body, reason: "bad_body", status: 400},
		{name: "invalid UTF-8", body: strings.Replace(sample.Body, "nick1", "\xff", 1), reason: "bad_body", status: 400},
		{name: "deep nesting", body: `{"x":` + strings.Repeat("[", 30000), reason: "bad_body", status: 400},
		{name: "command of another callback", body: strings.Replace(sample.Body, "PortraitSet", "X", 1), reason: "bad_body", status: 400},
		{name: "no From_Account", body: strings.Replace(sample.Body, "From_Account", "From", 1), reason: "bad_body", status: 400},
		{name: "empty From_Account", body: strings.Replace(sample.Body, `"From_Account": "id1"`, `"From_Account": ""`, 1), reason: "bad_body", status: 400},
		{name: "no ProfileItem", body: strings.Replace(sample.Body, "ProfileItem", "Items", 1), reason: "bad_body", status: 400},
		{name: "Tag that is no string", body: strings.Replace(sample.Body, `"Tag_Profile_IM_Nick"`, "1", 1), reason: "bad_body", status: 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, logs := provisioned(t, tc.configure)
			query, body := cmp.Or(tc.query, caddytest.SignedQuery()), cmp.Or(tc.body, sample.Body)
			if query == "-" {
				query = ""
			}
			if body == "-" {
				body = ""
			}
			r := tlsRequest(cmp.Or(tc.method, "POST"), query, body)
			if tc.change != nil {
				tc.change(r)
			}
			var w *httptest.ResponseRecorder
			var a callback.Answer
			if got := counted(t, func() { w, a = serve(t, h, r, nil) }); got != recent.Result(tc.reason) {
				t.Errorf("counted as %s, want %s", got, tc.reason)
			}
			if w.Code != tc.status || a.ActionStatus != callback.StatusFail || a.ErrorCode != 1 || a.ErrorInfo == "" {
				t.Errorf("answered %d %+v, want %d", w.Code, a, tc.status)
			}
			if tc.reason == "method" && w.Header().Get("Allow") != "POST" {
				t.Error("405 without Allow")
			}
			lines := logs.FilterMessage("callback refused").All()
			if len(lines) != 1 || len(logs.All()) != 1 {
				t.Fatalf("%d log lines, want 1: %v", logs.Len(), logs.All())
			}
			if got := lines[0].ContextMap()["reason"]; got != string(tc.reason) {
				t.Errorf("reason %q, want %q", got, tc.reason)
			}
			if sign := r.URL.Query().Get("Sign"); sign != "" {
				noSecrets(t, logs, sample.Token, sign)
			}
			repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
			if got, _ := repl.GetString("http.tim_callback.reason"); got != string(tc.reason) {
				t.Errorf("placeholder reason %q, want %q", got, tc.reason)
			}
		})
	}
}

// signedAt is a query that was signed with token, at an offset from now.
func signedAt(token string, offset time.Duration) string {
	at := strconv.FormatInt(time.Now().Add(offset).Unix(), 10)
	return caddytest.SignedQuery("RequestTime", at, "Sign", callback.Sign(token, at))
}

// TestFirstReasonWins has requests with everything wrong from one check on.
func TestFirstReasonWins(t *testing.T) {
	h, _ := provisioned(t, func(h *Handler) { h.RequireClientCert = true })
	mend := []struct {
		reason callback.Reason
		mend   func(r *http.Request, q url.Values)
	}{
		{"plain_http", func(r *http.Request, _ url.Values) {
			r.TLS = tlsRequest("POST", "", "").TLS
			r.TLS.HandshakeComplete = false
		}},
		{"early_data", func(r *http.Request, _ url.Values) { r.TLS.HandshakeComplete = true }},
		{"method", func(r *http.Request, _ url.Values) { r.Method = "POST" }},
		{"client_cert", func(r *http.Request, _ url.Values) { r.TLS.VerifiedChains = [][]*x509.Certificate{{{}}} }},
		{"bad_query", func(_ *http.Request, q url.Values) { q["SdkAppid"] = []string{"1"} }},
		{"unknown_app", func(_ *http.Request, q url.Values) { q.Set("SdkAppid", sample.SDKAppID) }},
		{"unsigned", func(_ *http.Request, q url.Values) { q.Set("Sign", "x"); q.Set("RequestTime", "1") }},
		{"stale", func(_ *http.Request, q url.Values) { q.Set("RequestTime", strconv.FormatInt(time.Now().Unix(), 10)) }},
		{"bad_sign", func(_ *http.Request, q url.Values) { q.Set("Sign", callback.Sign(sample.Token, q.Get("RequestTime"))) }},
		{"content_type", func(_ *http.Request, q url.Values) { q.Set("contenttype", "JSON") }},
		{"command", func(_ *http.Request, q url.Values) { q.Set("CallbackCommand", profile.Command) }},
		{"too_large", func(r *http.Request, _ url.Values) {
			r.ContentLength = 1
			r.Body = io.NopCloser(strings.NewReader("x"))
		}},
		{"bad_body", func(r *http.Request, _ url.Values) { r.Body = io.NopCloser(strings.NewReader(sample.Body)) }},
	}
	q := url.Values{"SdkAppid": {"1", "2"}, "CallbackCommand": {"Other"}, "contenttype": {"xml"}}
	r := tlsRequest("GET", "", "")
	r.TLS = nil
	r.ContentLength = 1 << 30
	for _, step := range mend {
		r.URL.RawQuery = q.Encode()
		if w, _ := serve(t, h, r, nil); w.Code != step.reason.Status() {
			t.Fatalf("status %d where %s is the first that is wrong", w.Code, step.reason)
		}
		step.mend(r, q)
	}
}

func TestAccepted(t *testing.T) {
	for _, tc := range []struct {
		name      string
		configure func(*Handler)
		query     string
		change    func(*http.Request)
	}{
		{name: "signed"},
		{name: "other spelling", query: strings.Replace(caddytest.SignedQuery(), "SdkAppid", "SdkAppId", 1)},
		{name: "upper-case Sign", query: caddytest.SignedQuery("Sign", "") + "&Sign=" + strings.ToUpper(callback.Sign(sample.Token, strconv.FormatInt(time.Now().Unix(), 10)))},
		{name: "59 seconds old", query: signedAt(sample.Token, -59*time.Second)},
		{name: "59 seconds ahead", query: signedAt(sample.Token, 59*time.Second)},
		{name: "contenttype JSON", query: caddytest.SignedQuery("contenttype", "JSON")},
		{name: "no contenttype", query: caddytest.SignedQuery("contenttype", "")},
		{name: "unknown platform and parameters", query: caddytest.SignedQuery("OptPlatform", "Fridge", "x", "1")},
		{name: "second token", configure: func(h *Handler) { h.Apps[0].Tokens = []string{"other", sample.Token} }},
		{
			name: "second app",
			configure: func(h *Handler) {
				h.Apps = []App{{SDKAppID: "1", Tokens: []string{"other"}}, {SDKAppID: sample.SDKAppID, Tokens: []string{sample.Token}}}
			},
		},
		{
			name:      "unsigned app",
			configure: func(h *Handler) { h.AllowUnsigned = true; h.Apps[0].Tokens = nil },
			query:     caddytest.SignedQuery("Sign", "", "RequestTime", ""),
		},
		{
			name:      "client certificate",
			configure: func(h *Handler) { h.RequireClientCert = true },
			change:    func(r *http.Request) { r.TLS.VerifiedChains = [][]*x509.Certificate{{{}}} },
		},
		{name: "plain HTTP where allowed", configure: func(h *Handler) { h.AllowHTTP = true }, change: func(r *http.Request) { r.TLS = nil }},
		{name: "forged Early-Data", change: func(r *http.Request) { r.Header.Set("Early-Data", "1") }},
		{name: "forged plain X-Forwarded-Proto", change: func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }},
		{
			name: "trusted proxy that was spoken to in HTTPS",
			change: func(r *http.Request) {
				r.TLS = nil
				caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, true)
				r.Header.Set("X-Forwarded-Proto", "https")
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, logs := provisioned(t, func(h *Handler) {
				h.Answer = AnswerAck
				if tc.configure != nil {
					tc.configure(h)
				}
			})
			r := tlsRequest("POST", cmp.Or(tc.query, caddytest.SignedQuery()), sample.Body)
			if tc.change != nil {
				tc.change(r)
			}
			w, a := serve(t, h, r, nil)
			if w.Code != 200 || a != callback.OK() {
				t.Fatalf("answered %d %+v", w.Code, a)
			}
			if logs.Len() != 1 || logs.All()[0].ContextMap()["from_account"] != "id1" {
				t.Errorf("logged %v", logs.All())
			}
			noSecrets(t, logs, sample.Token, "nick1", "your custom data")
			repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
			got := repl.ReplaceAll("{http.tim_callback.sdk_appid} {http.tim_callback.command} {http.tim_callback.from_account} "+
				"{http.tim_callback.operator_account} {http.tim_callback.client_ip} {http.tim_callback.changed} <{http.tim_callback.reason}>", "-")
			if want := "1400000000 Profile.CallbackPortraitSet id1 id1 127.0.0.1 nick,gender,allow_type,custom.Data <->"; got != want {
				t.Errorf("placeholders %q, want %q", got, want)
			}
			if id, _ := repl.GetString("http.tim_callback.event_id"); id != callback.EventID(sample.SDKAppID, profile.Command, "", []byte(sample.Body)) {
				t.Errorf("placeholder event_id %q", id)
			}
			if _, known := repl.Get("http.tim_callback.other"); known {
				t.Error("an unknown placeholder is known")
			}
		})
	}
}

// TestBodyIsBounded has an endless body: what is held must not grow with it.
func TestBodyIsBounded(t *testing.T) {
	h, _ := provisioned(t, nil)
	r := tlsRequest("POST", caddytest.SignedQuery(), "")
	body := &countingReader{}
	r.Body, r.ContentLength = io.NopCloser(body), -1
	if w, _ := serve(t, h, r, nil); w.Code != 413 {
		t.Errorf("status %d", w.Code)
	}
	if body.read > 2*DefaultMaxBody {
		t.Errorf("%d bytes were read", body.read)
	}
}

type countingReader struct{ read int }

func (c *countingReader) Read(p []byte) (int, error) {
	c.read += len(p)
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestPanicsOfOthersAreAnswered(t *testing.T) {
	h, logs := provisioned(t, nil)
	for _, p := range []any{http.ErrAbortHandler, errors.New("boom"), "boom"} {
		w, _ := serve(t, h, tlsRequest("POST", caddytest.SignedQuery(), sample.Body), func(http.ResponseWriter, *http.Request) error { panic(p) })
		if w.Code != 502 {
			t.Errorf("%v: status %d", p, w.Code)
		}
	}
	lines := logs.FilterMessage("callback not forwarded").All()
	if len(lines) != 3 || lines[0].Level != zapcore.WarnLevel || lines[1].Level != zapcore.ErrorLevel {
		t.Errorf("logged %v", lines)
	}
	if stack, _ := lines[2].ContextMap()["panic_stack"].(string); !strings.Contains(stack, "TestPanicsOfOthersAreAnswered") {
		t.Errorf("the stack does not say where: %v", lines[2])
	}
}
