package callback

import (
	"net/url"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestParseQuery(t *testing.T) {
	const must = "SdkAppid=1&CallbackCommand=C"
	for name, tc := range map[string]struct {
		raw  string
		want Query
	}{
		"documented":                 {sample.SignedQuery, Query{"1400000000", command, "json", "127.0.0.1", "iOS", sample.RequestTime, sample.Sign}},
		"least":                      {must, Query{SDKAppID: "1", Command: "C"}},
		"other spelling":             {"SdkAppId=1&CALLBACKCOMMAND=C&ContentType=JSON", Query{SDKAppID: "1", Command: "C", ContentType: "JSON"}},
		"encoded names":              {"%53dkAppid=1&Callback%43ommand=C", Query{SDKAppID: "1", Command: "C"}},
		"encoded values":             {must + "&ClientIP=%3A%3A1&OptPlatform=a+b%2B", Query{SDKAppID: "1", Command: "C", ClientIP: "::1", OptPlatform: "a b+"}},
		"plus alone":                 {must + "&OptPlatform=a+b", Query{SDKAppID: "1", Command: "C", OptPlatform: "a b"}},
		"IPv6 as it is":              {must + "&ClientIP=2001:db8::1", Query{SDKAppID: "1", Command: "C", ClientIP: "2001:db8::1"}},
		"value with =":               {must + "&OptPlatform=a=b", Query{SDKAppID: "1", Command: "C", OptPlatform: "a=b"}},
		"Kelvin sign":                {"SdkAppid=1&Callbac%E2%84%AACommand=C", Query{SDKAppID: "1", Command: "C"}},
		"empty optional value":       {must + "&Sign=&RequestTime", Query{SDKAppID: "1", Command: "C"}},
		"empty pairs":                {"&&" + must + "&", Query{SDKAppID: "1", Command: "C"}},
		"own parameters, also twice": {"a=1&" + must + "&a=2&=3&Signature=x", Query{SDKAppID: "1", Command: "C"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parseQuery(t, tc.raw); got != tc.want {
				t.Errorf("got %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestParseQueryRefuses(t *testing.T) {
	const must = "SdkAppid=1&CallbackCommand=C"
	for name, tc := range map[string]struct{ raw, detail string }{
		"nothing":             {"", "SdkAppid is missing"},
		"no app":              {"CallbackCommand=C", "SdkAppid is missing"},
		"empty app":           {"SdkAppid=&CallbackCommand=C", "SdkAppid is missing"},
		"no command":          {"SdkAppid=1", "CallbackCommand is missing"},
		"empty command":       {"SdkAppid=1&CallbackCommand", "CallbackCommand is missing"},
		"twice":               {must + "&Sign=a&Sign=a", "Sign occurs more than once"},
		"in two spellings":    {must + "&SdkAppId=2", "SdkAppid occurs more than once"},
		"twice, once encoded": {must + "&%53dkAppid=2", "SdkAppid occurs more than once"},
		"empty, then again":   {"SdkAppid=&SdkAppid=1&CallbackCommand=C", "SdkAppid occurs more than once"},
		"long s":              {must + "&Sign=a&%C5%BFign=b", "Sign occurs more than once"},
		"Kelvin sign":         {must + "&Callbac%E2%84%AACommand=D", "CallbackCommand occurs more than once"},
		"raw Kelvin sign":     {must + "&Callbac\u212aCommand=D", "CallbackCommand occurs more than once"},
		"semicolon":           {must + ";Sign=a", "a semicolon where only & may separate parameters"},
		"bad escape in name":  {must + "&%zz=1", "a parameter's name is not well-formed percent-encoding"},
		"bad escape in value": {must + "&Sign=%1", "Sign is not well-formed percent-encoding"},
		"bad escape in other": {must + "&x=%", "another parameter is not well-formed percent-encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseQuery(tc.raw)
			if r := reasonOf(t, err); r != ReasonBadQuery {
				t.Fatalf("reason %q", r)
			}
			if got := err.(*Error).Detail; got != tc.detail {
				t.Errorf("detail %q, want %q", got, tc.detail)
			}
		})
	}
}

// The log entry of a refused request names the app and command that the request claims to have.
func TestParseQueryReturnsWhatItRead(t *testing.T) {
	q, err := ParseQuery("SdkAppid=1&CallbackCommand=C&x=%")
	if err == nil || q.SDKAppID != "1" || q.Command != "C" {
		t.Errorf("got %+v, %v", q, err)
	}
}

func TestIsJSON(t *testing.T) {
	for contentType, want := range map[string]bool{"": true, "json": true, "JSON": true, "xml": false, "json ": false, "application/json": false} {
		if got := (Query{ContentType: contentType}).IsJSON(); got != want {
			t.Errorf("%q: got %v", contentType, got)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, raw := range []string{
		sample.SignedQuery, "", "a=1;b=2", "SdkAppid=1&sdkappid=2", "SdkAppid=%31&CallbackCommand=a+b&x=%zz",
		"SdkAppid=1&CallbackCommand=C&%C5%BFign=a", "SdkAppid=1&CallbackCommand=%ff&&=&ClientIP",
	} {
		f.Add(raw)
	}
	known := []string{"SdkAppid", "CallbackCommand", "contenttype", "ClientIP", "OptPlatform", "RequestTime", "Sign"}
	f.Fuzz(func(t *testing.T, raw string) {
		if strings.Count(raw, "&") > 9000 {
			t.Skip("url.ParseQuery limits the number of parameters")
		}
		got, err := ParseQuery(raw)
		if r := reasonOf(t, err); r != "" && r != ReasonBadQuery {
			t.Fatalf("reason %q", r)
		}
		values, malformed := url.ParseQuery(raw)
		want := map[string][]string{}
		for name, v := range values {
			for _, k := range known {
				if strings.EqualFold(name, k) {
					want[k] = append(want[k], v...)
				}
			}
		}
		ok := malformed == nil
		for _, v := range want {
			ok = ok && len(v) == 1
		}
		ok = ok && want["SdkAppid"] != nil && want["SdkAppid"][0] != "" && want["CallbackCommand"] != nil && want["CallbackCommand"][0] != ""
		if ok != (err == nil) {
			t.Fatalf("%q: got %v; url.ParseQuery: %v, %v", raw, err, want, malformed)
		}
		if !ok {
			return
		}
		for _, k := range known {
			n, _ := parameter(k)
			if w, field := append(want[k], "")[0], *got.field(n); field != w {
				t.Errorf("%q: %s is %q, want %q", raw, k, field, w)
			}
		}
	})
}
