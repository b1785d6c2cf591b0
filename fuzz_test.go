package timcallback

import (
	"flag"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// FuzzServeHTTP sends anything: never a panic, always exactly one answer in
// valid JSON, and OK only for what is signed.
func FuzzServeHTTP(f *testing.F) {
	f.Add("POST", "", sample.Body, "", "", byte(0))
	f.Add("POST", "SdkAppid=1&SdkAppId=2", sample.Body, "X-Forwarded-Proto", "https", byte(1))
	f.Add("GET", "Sign=%zz", "{", "Ce-Id", "x\r\ny", byte(2))
	f.Add("POST", "CallbackCommand=C2C.CallbackBeforeSendMsg", "", "Early-Data", "1", byte(3))
	f.Add("POST", "OptPlatform=%00%ff", strings.Replace(sample.Body, `"id1"`, `"\u0000\ud800\ufdd0"`, -1), "Trailer", "Ce-Id", byte(4))
	f.Add("POST", "Sns.CallbackPrevFriendAdd", aFriendRequest, "", "", byte(0x46))
	f.Add("POST", "Push.AllMemberPush", `{"Events":[{"EventTime":1,"To_Account":"a"}]}`, "", "", byte(0x46))
	f.Add("POST", "", `{"From_Account":"a","ProfileItem":[{"Tag":"","Value":1e999}],"EventTime":""}`, "", "", byte(5))
	configure := []func(*Handler){
		nil,
		func(h *Handler) { h.Answer = AnswerAck },
		func(h *Handler) { h.Body = BodyOriginal; h.MaxBody = 256 },
		func(h *Handler) { h.OtherCommands = OtherPass },
		func(h *Handler) { h.AllowHTTP = true; h.Sign = []string{testSecret} },
		func(h *Handler) { h.AllowUnsigned = true; h.Apps[0].Tokens = nil },
		func(h *Handler) {
			h.Commands, h.Answer, h.Undecided = []string{callback.PatternAll}, AnswerAck, []Undecided{{Policy: "forbid"}}
		},
	}
	handlers := make([]*Handler, len(configure))
	for i := range configure {
		handlers[i], _ = provisioned(f, configure[i])
		// an observer would keep every line
		handlers[i].logger = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.DebugLevel))
	}
	boundMinimizing(f)
	f.Fuzz(func(t *testing.T, method, query, body, name, value string, variant byte) {
		h := handlers[int(variant)%len(handlers)]
		r := tlsRequest("POST", "", body)
		r.Method = method
		r.URL.RawQuery = query
		if variant&0x10 == 0 {
			// most that is only random never gets beyond the query
			r.URL.RawQuery = caddytest.SignedQuery() + "&" + query
		}
		if variant&0x40 != 0 {
			r.URL.RawQuery = caddytest.SignedQuery("CallbackCommand", query)
		}
		if variant&0x20 != 0 {
			r.TLS = nil
		}
		if name != "" {
			r.Header[name] = []string{value}
		}
		r.Trailer = http.Header{"Ce-Id": {"forged"}}
		w, answer := serve(t, h, r, func(w http.ResponseWriter, r *http.Request) error {
			for name, values := range r.Header {
				if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") && strings.HasPrefix(name, "Ce-") {
					t.Errorf("header %s: %q", name, values)
				}
			}
			if r.Trailer != nil {
				t.Error("trailers got through")
			}
			got, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if int64(len(got)) != r.ContentLength {
				t.Errorf("%d bytes where Content-Length says %d", len(got), r.ContentLength)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(callback.OK().JSON())
			return nil
		})
		if (w.Code == http.StatusOK) != (answer.ActionStatus == callback.StatusOK) {
			t.Errorf("%d %+v", w.Code, answer)
		}
		q, err := callback.ParseQuery(r.URL.RawQuery)
		if w.Code == http.StatusOK && (err != nil || q.SDKAppID != sample.SDKAppID) {
			t.Errorf("%q was taken", r.URL.RawQuery)
		}
	})
}

// boundMinimizing has the time for executions, unless the command line says
// otherwise: what is new is minimized by trying its bytes pair by pair, for a minute
// each time where the body is longer than some hundred bytes.
func boundMinimizing(f *testing.F) {
	const name = "test.fuzzminimizetime"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	if err := flag.Set(name, "10x"); err != nil {
		f.Fatal(err)
	}
}
