package timcallback

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// FuzzServeHTTP sends anything: never a panic, always exactly one answer in
// valid JSON, and OK only for what is signed.
func FuzzServeHTTP(f *testing.F) {
	f.Add("POST", "", sample, "", "", byte(0))
	f.Add("POST", "SdkAppid=1&SdkAppId=2", sample, "X-Forwarded-Proto", "https", byte(1))
	f.Add("GET", "Sign=%zz", "{", "Ce-Id", "x\r\ny", byte(2))
	f.Add("POST", "CallbackCommand=C2C.CallbackBeforeSendMsg", "", "Early-Data", "1", byte(3))
	f.Add("POST", "OptPlatform=%00%ff", strings.Replace(sample, `"id1"`, `"\u0000\ud800\ufdd0"`, -1), "Trailer", "Ce-Id", byte(4))
	f.Add("POST", "", `{"From_Account":"a","ProfileItem":[{"Tag":"","Value":1e999}],"EventTime":""}`, "", "", byte(5))
	configure := []func(*Handler){
		nil,
		func(h *Handler) { h.Answer = AnswerAck },
		func(h *Handler) { h.Body = BodyOriginal; h.MaxBody = 256 },
		func(h *Handler) { h.OtherCommands = OtherPass },
		func(h *Handler) { h.AllowHTTP = true; h.Sign = []string{testSecret} },
		func(h *Handler) { h.AllowUnsigned = true; h.Apps[0].Tokens = nil },
	}
	handlers := make([]*Handler, len(configure))
	for i := range configure {
		handlers[i], _ = provisioned(f, configure[i])
	}
	f.Fuzz(func(t *testing.T, method, query, body, name, value string, variant byte) {
		h := handlers[int(variant)%len(handlers)]
		r := tlsRequest("POST", "", body)
		r.Method = method
		r.URL.RawQuery = query
		if variant&0x10 == 0 {
			// most that is only random never gets beyond the query
			r.URL.RawQuery = signedQuery() + "&" + query
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
			_, _ = w.Write(profile.OK().JSON())
			return nil
		})
		if (w.Code == http.StatusOK) != (answer.ActionStatus == profile.StatusOK) {
			t.Errorf("%d %+v", w.Code, answer)
		}
		q, err := profile.ParseQuery(r.URL.RawQuery)
		if w.Code == http.StatusOK && (err != nil || q.SDKAppID != testApp) {
			t.Errorf("%q was taken", r.URL.RawQuery)
		}
	})
}
