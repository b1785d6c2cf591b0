package profile

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestSetHeaders(t *testing.T) {
	full := decode(t, parseQuery(t, sampleQuery), sampleBody)
	least := decode(t, bare, withItems(""))
	for name, tc := range map[string]struct {
		e    *Event
		want map[string]string
	}{
		"sample": {full, map[string]string{
			"Ce-Specversion": "1.0",
			"Ce-Id":          full.ID(),
			"Ce-Source":      "/tim/apps/1400000000",
			"Ce-Type":        "com.tencent.im.Profile.CallbackPortraitSet",
			"Ce-Subject":     "id1",
			"Ce-Time":        "2022-07-04T07:50:52.497Z",
			"Ce-Sdkappid":    "1400000000",
			"Ce-Operator":    "id1",
			"Ce-Platform":    "ios",
			"Ce-Clientip":    "127.0.0.1",
			"Ce-Changed":     "nick,gender,allow_type,custom.Data",
		}},
		"what is absent is left out": {least, map[string]string{
			"Ce-Specversion": "1.0",
			"Ce-Id":          least.ID(),
			"Ce-Source":      "/tim/apps/1",
			"Ce-Type":        "com.tencent.im.Profile.CallbackPortraitSet",
			"Ce-Subject":     "u",
			"Ce-Sdkappid":    "1",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := http.Header{"Ce-Id": {"forged", "twice"}}
			tc.e.SetHeaders(got)
			want := http.Header{}
			for name, value := range tc.want {
				want[name] = []string{value}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestEncodeHeader(t *testing.T) {
	const replaced = "%EF%BF%BD"
	for s, want := range map[string]string{
		"":                   "",
		"id1":                "id1",
		"a,b;c=d/é":          "a,b;c=d/%C3%A9",
		"a b":                "a%20b",
		`say "100%"`:         "say%20%22100%25%22",
		"%41":                "%2541",
		"昵称":                 "%E6%98%B5%E7%A7%B0",
		"😀":                  "%F0%9F%98%80",
		"a\r\nX-Evil: 1":     "a" + replaced + replaced + "X-Evil:%201",
		"\x00\t\x1f":         replaced + replaced + replaced,
		"\x7f\u0080\u009f":   replaced + replaced + replaced,
		"\u00a0\u2028":       "%C2%A0%E2%80%A8",
		"\ufdd0\ufdef":       replaced + replaced,
		"\ufdcf\ufdf0":       "%EF%B7%8F%EF%B7%B0",
		"\ufffe\uffff":       replaced + replaced,
		"\U0001fffe":         replaced,
		"\U0010ffff":         replaced,
		"\ufffd":             replaced,
		"\xff\xc3":           replaced + replaced,
		"~!*'()[]{}|\\^`<>@": "~!*'()[]{}|\\^`<>@",
	} {
		if got := encodeHeader(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

func FuzzEncodeHeader(f *testing.F) {
	for _, s := range []string{"id1", "a\r\nX: 1", "昵称 \"1%\"", "\ufffe\U0010ffff\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := encodeHeader(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }); i >= 0 {
			t.Fatalf("%q: byte %d of %q", s, i, got)
		}
		want := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Noncharacter_Code_Point, r) {
				return unicode.ReplacementChar
			}
			return r
		}, s)
		back, err := url.PathUnescape(got)
		if err != nil || back != want {
			t.Fatalf("%q: %q, %v, want %q", s, back, err, want)
		}
	})
}

// What a payload says can neither end a header nor begin one.
func TestHeaderInjection(t *testing.T) {
	const evil = `a\r\nX-Evil: 1\r\n\r\n`
	e := decode(t, Query{SDKAppID: "1", Command: Command, ClientIP: "::1\r\nX-Evil: 1", OptPlatform: "ios\nX-Evil: 1"},
		`{"From_Account":"`+evil+`","Operator_Account":"`+evil+`","ProfileItem":[{"Tag":"`+evil+`"}]}`)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	e.SetHeaders(r.Header)
	var wire strings.Builder
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(wire.String(), "\n") {
		if strings.HasPrefix(line, "X-Evil") {
			t.Fatal(wire.String())
		}
	}
}

func TestStripHeaders(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{
		"Ce-Id", "ce-id", "CE-ID", "Ce_Subject", "ce.type", "Ce-", "Ce-Anything-New",
		"Webhook-Id", "webhook_signature", "WEBHOOK.TIMESTAMP", "Webhook-Other",
	} {
		h[name] = []string{"forged"}
	}
	want := http.Header{}
	for _, name := range []string{"Ce", "Cert-Id", "X-Ce-Id", "Webhook", "Webhooks-Id", "X-Webhook-Id", "Content-Type", "_ce-id", ""} {
		want[name] = []string{"kept"}
	}
	maps.Copy(h, want)
	StripHeaders(h)
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got %v", h)
	}
}
