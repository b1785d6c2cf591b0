package backend

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// stored returns a callback as a queue gives it back.
func stored(t *testing.T, query, body string) *delivery.Message {
	t.Helper()
	m, err := delivery.ParseMessage((&delivery.Message{URI: "/im/callback", RawQuery: query, Body: []byte(body)}).Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReadStored(t *testing.T) {
	const message = `{"From_Account":"a","To_Account":"b","MsgKey":"k","N":144115198371610486}`
	for name, tc := range map[string]struct {
		message  *delivery.Message
		original bool
		body     string
		from     string
		lane     string
	}{
		"a profile":           {stored(t, sample.SignedQuery, sample.Body), false, sample.Normalized, "id1", "1400000000/id1"},
		"a profile, original": {stored(t, sample.SignedQuery, sample.Body), true, sample.Body, "id1", "1400000000/id1"},
		"a message": {
			stored(t, "SdkAppid=1&CallbackCommand=C2C.CallbackAfterSendMsg", message), false,
			`{"sdk_appid":1,"command":"C2C.CallbackAfterSendMsg","subject":"a","data":` + message + `}`, "a", "1:conversation/a/b",
		},
		"a message, original": {stored(t, "SdkAppid=1&CallbackCommand=C2C.CallbackAfterSendMsg", message), true, message, "a", "1:conversation/a/b"},
	} {
		s, err := ReadStored(tc.message, "the id", Options{Original: tc.original})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(s.Body) != tc.body || s.FromAccount != tc.from || s.Attributes.PartitionKey != tc.lane || s.Attributes.ID != "the id" {
			t.Errorf("%s: got %+v %s", name, s.Attributes, s.Body)
		}
	}
	for name, m := range map[string]*delivery.Message{
		"without a query":     stored(t, "", sample.Body),
		"without a command":   stored(t, "SdkAppid=1", sample.Body),
		"with another body":   stored(t, sample.Query, "[]"),
		"with another member": stored(t, sample.Query, `{"From_Account":1}`),
	} {
		if s, err := ReadStored(m, "1", Options{}); err == nil {
			t.Errorf("%s: got %+v", name, s)
		}
	}
}

func TestPrepare(t *testing.T) {
	secret, err := callback.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	for _, original := range []bool{false, true} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header = http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"gzip"}, "Ce-Id": {"forged"}, "X-Other": {"kept"}}
		Strip(r)
		Options{Original: original, Secrets: []callback.Secret{secret}}.Prepare(r, callback.Attributes{ID: "1", Command: "C"}, []byte("{}"))
		contentType := map[bool]string{false: "application/json", true: "text/plain"}[original]
		if r.Header.Get("Content-Type") != contentType || r.Header["Content-Encoding"] != nil || r.Header.Get("Ce-Id") != "1" || r.Header.Get("X-Other") != "kept" || r.ContentLength != 2 {
			t.Errorf("original %v: %v", original, r.Header)
		}
		if err := callback.VerifyWebhook(r.Header, []byte("{}"), time.Now(), time.Minute, secret); err != nil {
			t.Errorf("original %v: %v", original, err)
		}
	}
}

// TestStrip removes the headers that Connection names, but none about the body.
func TestStrip(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header = http.Header{
		"Connection": {"close, X-Hop", "content-type"}, "X-Hop": {"1"}, "Content-Type": {"application/json"}, "Upgrade": {"h2c"}, "Te": {"trailers"},
		"Webhook-Id": {"forged"}, "X-Other": {"kept"},
	}
	r.Trailer = http.Header{"Ce-Id": {"forged"}}
	Strip(r)
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	if len(names) != 2 || r.Header.Get("Content-Type") == "" || r.Header.Get("X-Other") != "kept" || r.Trailer != nil {
		t.Errorf("left are %s", strings.Join(names, " "))
	}
}
