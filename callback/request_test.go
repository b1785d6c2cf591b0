package callback

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestNewRequest(t *testing.T) {
	at := time.Unix(1669872112, 0)
	for name, tc := range map[string]struct {
		target string
		c      Request
		url    string
	}{
		"documented": {
			"https://im.example.com/im/callback", Request{SDKAppID: "1400000000", Command: command, OptPlatform: "iOS", Token: sample.Token, Time: at},
			"https://im.example.com/im/callback?" + sample.SignedQuery},
		"own parameters": {
			"https://im.example.com/?tenant=a%20b", Request{SDKAppID: "1", Command: command, OptPlatform: "Web"},
			"https://im.example.com/?tenant=a%20b&SdkAppid=1&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1&OptPlatform=Web"},
		"escaped": {
			"http://localhost:1", Request{SDKAppID: "1&a", Command: "x y", ClientIP: "::1", OptPlatform: "a;b"},
			"http://localhost:1?SdkAppid=1%26a&CallbackCommand=x+y&contenttype=json&ClientIP=%3A%3A1&OptPlatform=a%3Bb"},
		"defaults": {
			"http://localhost/", Request{SDKAppID: "1", Command: command},
			"http://localhost/?SdkAppid=1&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewRequest(t.Context(), tc.target, tc.c)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.URL.String(); got != tc.url {
				t.Errorf("got %s\nwant %s", got, tc.url)
			}
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %v", r.Method, r.Header)
			}
		})
	}
}

// A callback made by NewRequest passes all checks of this package.
func TestNewRequestRoundTrip(t *testing.T) {
	v, err := NewVerifier(DefaultMaxAge, App{"1400000000", []string{sample.Token}})
	if err != nil {
		t.Fatal(err)
	}
	c := Request{SDKAppID: "1400000000", Command: command, ClientIP: "2001:db8::1", OptPlatform: "Mac & more", Token: sample.Token, Body: []byte(sample.Body)}
	r, err := NewRequest(t.Context(), "https://im.example.com/cb?a=b", c)
	if err != nil {
		t.Fatal(err)
	}
	q := parseQuery(t, r.URL.RawQuery)
	if err := v.Verify(q, time.Now()); err != nil {
		t.Error(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.ContentLength != int64(len(sample.Body)) {
		t.Fatalf("Content-Length %d, %v", r.ContentLength, err)
	}
	if string(body) != sample.Body {
		t.Errorf("got %s", body)
	}
	if q.ClientIP != c.ClientIP || q.OptPlatform != c.OptPlatform || q.Command != command || q.RequestTime == "" || !q.IsJSON() {
		t.Errorf("got %+v", q)
	}
}

func TestNewRequestRefuses(t *testing.T) {
	for _, target := range []string{"http://[::1", "%zz", ":", "http://a b/"} {
		if _, err := NewRequest(t.Context(), target, Request{SDKAppID: "1"}); err == nil {
			t.Errorf("%s: no error", target)
		}
	}
}
