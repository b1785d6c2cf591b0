package callback

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestSign(t *testing.T) {
	if got := Sign(sample.Token, sample.RequestTime); got != sample.Sign {
		t.Errorf("got %s, want %s", got, sample.Sign)
	}
	// some of Tencent's pages print this token, which does not belong to the Sign
	if got := Sign("xxxyyy", sample.RequestTime); !strings.HasPrefix(got, "e78a8547") {
		t.Errorf("got %s", got)
	}
}

func TestParseSDKAppID(t *testing.T) {
	for s, want := range map[string]uint64{"1": 1, "1400000000": 1400000000, "18446744073709551615": math.MaxUint64} {
		if got, err := ParseSDKAppID(s); err != nil || got != want {
			t.Errorf("%q: got %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "01", "-1", "+1", " 1", "1 ", "1_0", "0x1", "1.0", "1e3", "١", "18446744073709551616"} {
		if got, err := ParseSDKAppID(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	const secret = "hunter2"
	for name, tc := range map[string]struct {
		maxAge time.Duration
		apps   []App
		want   string
	}{
		"no app":            {time.Minute, nil, "no app"},
		"zero max age":      {0, []App{{SDKAppID: "1"}}, "not greater than zero"},
		"negative max age":  {-1, []App{{SDKAppID: "1"}}, "not greater than zero"},
		"bad app ID":        {time.Minute, []App{{SDKAppID: "01"}}, "plain decimal"},
		"app twice":         {time.Minute, []App{{SDKAppID: "1"}, {SDKAppID: "2"}, {SDKAppID: "1"}}, "configured twice"},
		"empty token":       {time.Minute, []App{{"1", []string{secret, ""}}}, "token 2 is empty"},
		"long token":        {time.Minute, []App{{"1", []string{secret + strings.Repeat("é", 122)}}}, "longer than 128"},
		"token with a line": {time.Minute, []App{{"1", []string{secret + "\n"}}}, "white space"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewVerifier(tc.maxAge, tc.apps...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error contains the token")
			}
		})
	}
	if _, err := NewVerifier(1, App{"1", []string{strings.Repeat("é", 128), "a b"}}); err != nil {
		t.Error(err)
	}
}

func TestVerify(t *testing.T) {
	v, err := NewVerifier(time.Minute,
		App{"1400000000", []string{"new", sample.Token, "newer"}}, App{"2", []string{"other"}}, App{"3", nil})
	if err != nil {
		t.Fatal(err)
	}
	at := func(seconds int) time.Time { return sampleNow.Add(time.Duration(seconds) * time.Second) }
	signed := func(app, requestTime, sign string) Query {
		return Query{SDKAppID: app, RequestTime: requestTime, Sign: sign}
	}
	const app = "1400000000"
	for name, tc := range map[string]struct {
		q    Query
		now  time.Time
		want Reason
	}{
		"known good":                {signed(app, sample.RequestTime, sample.Sign), sampleNow, ""},
		"upper-case hex":            {signed(app, sample.RequestTime, strings.ToUpper(sample.Sign)), sampleNow, ""},
		"mixed-case hex":            {signed(app, sample.RequestTime, strings.Replace(sample.Sign, "b", "B", 3)), sampleNow, ""},
		"first token":               {signed(app, sample.RequestTime, Sign("new", sample.RequestTime)), sampleNow, ""},
		"last token":                {signed(app, sample.RequestTime, Sign("newer", sample.RequestTime)), sampleNow, ""},
		"signed as sent":            {signed(app, "0"+sample.RequestTime, Sign(sample.Token, "0"+sample.RequestTime)), sampleNow, ""},
		"oldest":                    {signed(app, sample.RequestTime, sample.Sign), at(60), ""},
		"oldest, parts of a second": {signed(app, sample.RequestTime, sample.Sign), at(60).Add(999 * time.Millisecond), ""},
		"newest":                    {signed(app, sample.RequestTime, sample.Sign), at(-60), ""},
		"too old":                   {signed(app, sample.RequestTime, sample.Sign), at(61), ReasonStale},
		"too new":                   {signed(app, sample.RequestTime, sample.Sign), at(-61), ReasonStale},
		"clock before 1970":         {signed(app, sample.RequestTime, sample.Sign), time.Unix(math.MinInt64/2, 0), ReasonStale},
		"app without tokens":        {signed("3", "", ""), sampleNow, ""},
		"its Sign is not looked at": {signed("3", "x", "y"), sampleNow, ""},
		"unknown app":               {signed("4", sample.RequestTime, sample.Sign), sampleNow, ReasonUnknownApp},
		"app with leading zero":     {signed("0"+app, sample.RequestTime, sample.Sign), sampleNow, ReasonUnknownApp},
		"no app":                    {signed("", sample.RequestTime, sample.Sign), sampleNow, ReasonUnknownApp},
		"another app's token":       {signed("2", sample.RequestTime, sample.Sign), sampleNow, ReasonBadSign},
		"no Sign":                   {signed(app, sample.RequestTime, ""), sampleNow, ReasonUnsigned},
		"no RequestTime":            {signed(app, "", sample.Sign), sampleNow, ReasonUnsigned},
		"Sign of another second":    {signed(app, "1669872113", sample.Sign), sampleNow, ReasonBadSign},
		"no hex":                    {signed(app, sample.RequestTime, strings.Repeat("g", 64)), sampleNow, ReasonBadSign},
		"short":                     {signed(app, sample.RequestTime, sample.Sign[:63]), sampleNow, ReasonBadSign},
		"long":                      {signed(app, sample.RequestTime, sample.Sign+"0"), sampleNow, ReasonBadSign},
		"one bit off":               {signed(app, sample.RequestTime, "0"+sample.Sign[1:]), sampleNow, ReasonBadSign},
		// the time is checked first, so that a replay does not reveal whether its Sign is right
		"stale and wrong": {signed(app, sample.RequestTime, "x"), at(61), ReasonStale},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reasonOf(t, v.Verify(tc.q, tc.now)); got != tc.want {
				t.Errorf("reason %q, want %q", got, tc.want)
			}
		})
	}
}

func TestVerifyRequestTime(t *testing.T) {
	v, err := NewVerifier(time.Duration(math.MaxInt64), App{"1", []string{sample.Token}})
	if err != nil {
		t.Fatal(err)
	}
	for _, requestTime := range []string{
		"-1", "+" + sample.RequestTime, " " + sample.RequestTime, sample.RequestTime + " ", sample.RequestTime + ".0", "1e9", "0x63888e30", "1_669_872_112", "now", "١",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 400),
	} {
		q := Query{SDKAppID: "1", RequestTime: requestTime, Sign: Sign(sample.Token, requestTime)}
		for _, now := range []time.Time{sampleNow, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(math.MaxInt64/2, 0), {}} {
			if got := reasonOf(t, v.Verify(q, now)); got != ReasonStale {
				t.Errorf("%q at %d: reason %q", requestTime, now.Unix(), got)
			}
		}
	}
}

func TestVerifierKeepsItsTokens(t *testing.T) {
	tokens := []string{sample.Token}
	v, err := NewVerifier(time.Minute, App{"1", tokens})
	if err != nil {
		t.Fatal(err)
	}
	tokens[0] = "changed"
	if err := v.Verify(Query{SDKAppID: "1", RequestTime: sample.RequestTime, Sign: sample.Sign}, sampleNow); err != nil {
		t.Error(err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	v, _ := NewVerifier(time.Minute, App{"1", []string{sample.Token}})
	for i, sign := range []string{sample.Sign, sample.Sign + "0", "x" + sample.Sign} {
		q := Query{SDKAppID: "1", RequestTime: strconv.Itoa(1669872000 + i), Sign: sign}
		for _, now := range []time.Time{sampleNow, time.Unix(1669872000, 0)} {
			err := v.Verify(q, now)
			if err == nil || strings.Contains(err.Error(), sample.Sign) || strings.Contains(err.Error(), sample.Token) {
				t.Errorf("got %v", err)
			}
		}
	}
}
