package callback

import (
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestStripQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"a":                                 "a",
		"a=1&b=%zz&&c=+":                    "a=1&b=%zz&&c=+",
		"Sign=x":                            "",
		"a=1&Sign=x&b=2":                    "a=1&b=2",
		"Sign=x&a=1&RequestTime=5":          "a=1",
		"sign=x&SIGN=y&a&Sign&requesttime=": "a",
		"%53ign=x&Si%67n=y&Request%54ime=1": "",
		"\u017fign=x&a=1":                   "a=1", // the long s folds to s
		"%c5%bfign=x&a=1":                   "a=1",
		"Signed=1&aSign=2&RequestTimes=3":   "Signed=1&aSign=2&RequestTimes=3",
		"Sign+=x":                           "Sign+=x", // the name is "Sign " with a space
		"%zzSign=x":                         "%zzSign=x",
		"a=Sign&b=Sign=1":                   "a=Sign&b=Sign=1",
		"&Sign=x&":                          "&",
	} {
		if got := StripQuery(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzStripQuery checks that ParseQuery still reads the same from a stripped query, except
// for the secrets.
func FuzzStripQuery(f *testing.F) {
	f.Add("SdkAppid=1&CallbackCommand=c&RequestTime=1&Sign=x&ClientIP=::1")
	f.Add("&&Sign&=%53ign=;%")
	f.Fuzz(func(t *testing.T, raw string) {
		got := StripQuery(raw)
		if again := StripQuery(got); again != got {
			t.Fatalf("got %q, then %q", got, again)
		}
		i := 0 // got has parameters of raw, in the same order
		pairs := strings.Split(raw, "&")
		for pair := range strings.SplitSeq(got, "&") {
			at := slices.Index(pairs[i:], pair)
			if at < 0 && got != "" {
				t.Fatalf("%q became %q", raw, got)
			}
			i += at + 1
		}
		before, err := ParseQuery(raw)
		if err != nil {
			return
		}
		after, err := ParseQuery(got)
		before.Sign, before.RequestTime = "", ""
		if err != nil || after != before {
			t.Fatalf("%q became %q: %+v, %v", raw, got, after, err)
		}
	})
}

func BenchmarkStripQuery(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		StripQuery(sample.SignedQuery)
	}
}

func TestRequestID(t *testing.T) {
	const id = "0d3c7e1a-5b2f-4c9d-8e6f-123456789abc"
	for raw, want := range map[string]string{
		"":                                   "",
		"a=1&RequestId=" + id:                id,
		"requestID=" + strings.ToUpper(id):   id,
		"%52equestId=" + id + "&RequestId=x": id,
		"RequestId=x&RequestId=" + id:        "",
		"RequestId=":                         "",
		"RequestId=prod":                     "",
		"RequestId=" + id + "%0A":            "",
		"Request%zz=" + id:                   "",
	} {
		if got := RequestID(raw); got != want {
			t.Errorf("%s: got %q", raw, got)
		}
	}
}

func TestRedact(t *testing.T) {
	const raw = "a=secretary&Sign=%61bcdefgh&sIGN=12345678&RequestTime=1669872112&Sign=short"
	const text = "get https://h/?a=secretary&Sign=%61bcdefgh, abcdefgh, 12345678, 1669872112, short"
	if got, want := Redact(text, raw), "get https://h/?a=secretary&Sign=REDACTED, REDACTED, REDACTED, REDACTED, short"; got != want {
		t.Errorf("got %s", got)
	}
}
