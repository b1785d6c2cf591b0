package checker

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// variant is a callback with one thing wrong.
type variant struct {
	what string // what is wrong, for the report
	make func(*session) *http.Request
}

// attempt is the outcome of sending a variant.
type attempt struct {
	what string // from the variant
	got  reaction
	how  string // how the reaction can be seen
}

func (s *session) attempt(sender *tencent.Sender, what string, r *http.Request) attempt {
	got, how := s.judge(s.send(sender, r))
	return attempt{what, got, how}
}

// attemptConnected sends a variant after other callbacks were sent. If it gets no connection,
// that is not a refusal: the endpoint may be restarting.
func (s *session) attemptConnected(v variant) attempt {
	x := s.send(s.sender, v.make(s))
	got, how := s.judge(x)
	if !x.Connected {
		got = unclear
	}
	return attempt{v.what, got, how}
}

// refuses returns the function of a probe that passes if all variants are refused.
func refuses(variants ...variant) func(*session) outcome {
	return func(s *session) outcome {
		attempts := make([]attempt, 0, len(variants))
		for _, v := range variants {
			attempts = append(attempts, s.attemptConnected(v))
		}
		return refusal(attempts)
	}
}

// refusal returns the outcome of attempts that should all have been refused. The probe fails
// if one was accepted, even if the reaction to others is unclear.
func refusal(attempts []attempt) outcome {
	if taken := list(attempts, accepted); taken != "" {
		return failed("accepted %s", taken)
	}
	if doubtful := list(attempts, unclear); doubtful != "" {
		return notTold("%s", doubtful)
	}
	for _, a := range attempts {
		if a.how != attempts[0].how {
			return passed("%s", list(attempts, refused))
		}
	}
	return passed("%s", attempts[0].how)
}

// list describes the attempts with this reaction. Consecutive attempts with the same how share
// one description. It returns "" if there are none.
func list(attempts []attempt, got reaction) string {
	text, how := "", ""
	for _, a := range attempts {
		if a.got != got {
			continue
		}
		switch {
		case text == "":
			text = a.what
		case a.how == how:
			text += "; " + a.what
		default:
			text += ": " + how + "; " + a.what
		}
		how = a.how
	}
	if text == "" {
		return ""
	}
	return text + ": " + how
}

// changed returns a variant that modifies a callback before it is signed.
func changed(what string, change func(*session, *callback.Request)) variant {
	return variant{what, func(s *session) *http.Request {
		return s.callback(func(c *callback.Request) { change(s, c) })
	}}
}

// edited returns a variant that modifies the query of a signed callback.
func edited(what string, edit func(query string) string) variant {
	return variant{what, func(s *session) *http.Request {
		r := s.callback(nil)
		r.URL.RawQuery = edit(r.URL.RawQuery)
		return r
	}}
}

// parameter replaces the value of a parameter in a query, or removes the parameter if keep is
// false.
func parameter(query, name string, replace func(string) (value string, keep bool)) string {
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			value, keep := replace(value)
			if !keep {
				continue
			}
			pair = name + "=" + value
		}
		pairs = append(pairs, pair)
	}
	return strings.Join(pairs, "&")
}

func without(query, name string) string {
	return parameter(query, name, func(string) (string, bool) { return "", false })
}

func withSign(query string, change func(sign string) string) string {
	return parameter(query, "Sign", func(sign string) (string, bool) { return change(sign), true })
}

var (
	getRequest = variant{"GET", func(s *session) *http.Request {
		r := s.callback(nil)
		r.Method = http.MethodGet
		return r
	}}

	otherApp = changed("SdkAppid "+OtherApp, func(s *session, c *callback.Request) { c.SDKAppID = s.otherApp() })

	repeatedApp = []variant{
		repeated("yours, then another's", "SdkAppid", false),
		repeated("another's, then yours", "SdkAppid", true),
		repeated("yours, then another's in lower case", "sdkappid", false),
		repeated("another's in lower case, then yours", "sdkappid", true),
	}

	missingSign = []variant{
		edited("without Sign and RequestTime", func(q string) string { return without(without(q, "Sign"), "RequestTime") }),
		edited("without Sign", func(q string) string { return without(q, "Sign") }),
		edited("with an empty Sign", func(q string) string { return withSign(q, func(string) string { return "" }) }),
		edited("without RequestTime", func(q string) string { return without(q, "RequestTime") }),
	}

	wrongSign = []variant{
		edited("with the first digit changed", func(q string) string {
			return withSign(q, func(sign string) string { return otherDigit(sign[:1]) + sign[1:] })
		}),
		edited("with the last digit changed", func(q string) string {
			return withSign(q, func(sign string) string { return sign[:len(sign)-1] + otherDigit(sign[len(sign)-1:]) })
		}),
		edited("with the first half of it", func(q string) string {
			return withSign(q, func(sign string) string { return sign[:len(sign)/2] })
		}),
		edited("with all zeros", func(q string) string {
			return withSign(q, func(sign string) string { return strings.Repeat("0", len(sign)) })
		}),
	}

	anHourOld   = signedAt("an hour old", -time.Hour)
	minutesOld  = signedAt("2 and a half minutes old", -150*time.Second)
	ofTheFuture = signedAt("10 minutes ahead", 10*time.Minute)

	mismatch = []variant{
		changed("another one in the body", func(s *session, c *callback.Request) {
			c.Body = s.bodyWith("CallbackCommand", unknownCommand)
		}),
		changed("another one in the URL", func(s *session, c *callback.Request) {
			c.Command = unknownCommand
			c.Body = s.bodyWith("CallbackCommand", s.Command) // some bodies do not have it
		}),
	}

	notJSON = []variant{
		changed("plain text", func(_ *session, c *callback.Request) { c.Body = []byte(User) }),
		changed("JSON that ends early", func(_ *session, c *callback.Request) { c.Body = c.Body[:len(c.Body)-1] }),
		changed("nothing", func(_ *session, c *callback.Request) { c.Body = nil }),
	}

	// most of the body is blank space, so that nobody stores a megabyte of data
	hugeBody = changed("1 MiB", func(_ *session, c *callback.Request) {
		last := len(c.Body) - 1
		c.Body = []byte(string(c.Body[:last]) + strings.Repeat(" ", 1<<20) + string(c.Body[last:]))
	})
)

// otherApp returns an SDKAppID that differs from the app's.
func (s *session) otherApp() string {
	if s.SDKAppID == OtherApp {
		return OtherApp[:len(OtherApp)-1] + "8"
	}
	return OtherApp
}

func repeated(what, name string, first bool) variant {
	return variant{what, func(s *session) *http.Request {
		r := s.callback(nil)
		other := name + "=" + url.QueryEscape(s.otherApp())
		if first {
			r.URL.RawQuery = other + "&" + r.URL.RawQuery
		} else {
			r.URL.RawQuery += "&" + other
		}
		return r
	}}
}

func otherDigit(digit string) string {
	if digit == "0" {
		return "1"
	}
	return "0"
}

func signedAt(what string, from time.Duration) variant {
	return changed(what, func(_ *session, c *callback.Request) { c.Time = time.Now().Add(from) })
}
