package timcallback

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// TestErrorsQuoteNoValue has a secret in every place where it does not belong: the
// error says where it is, not what.
func TestErrorsQuoteNoValue(t *testing.T) {
	const secret = "topSecret4u"
	t.Setenv("TIM_SECRET", secret)
	t.Setenv("TIM_BRACES", "a{"+secret+"}")
	t.Setenv("TIM_APP", sample.SDKAppID)
	for _, directive := range []string{
		"tim_callback %s {env.TIM_APP}",
		"tim_callback 1 a {\napp %s\n}",
		"tim_callback %s {\nallow_unsigned\n}",
		"tim_callback %s",
		"tim_callback 1 {env.TIM_APP} {\napp %s a\n}",
		"tim_callback 1 {$TIM_BRACES}",
		"tim_callback {$TIM_BRACES} a",
		"tim_callback 1 {" + secret + "}",
		"tim_callback 1 a {\nsign %s\n}",
		"tim_callback 1 a {\nsign " + testSecret + " %s\n}",
		"tim_callback 1 a {\n%s\n}",
		"tim_callback 1 a {\napp\n%s\n}",
		"tim_callback 1 a {\nmax_age %s\n}",
		"tim_callback 1 a {\nmax_age 1s %s\n}",
		"tim_callback 1 a {\nmax_body %s\n}",
		"tim_callback 1 a {\ntimeout %s\n}",
		"tim_callback 1 a {\nallow_http %s\n}",
		"tim_callback 1 a {\nanswer %s\n}",
		"tim_callback 1 a {\nanswer ack %s\n}",
		"tim_callback 1 a {\nbody %s\n}",
		"tim_callback 1 a {\nother_commands %s\n}",
		"tim_callback 1 a {\nqueue %s {\ndeliver {\nrespond 200\n}\n}\n}",
		"tim_callback 1 a {\nqueue q %s {\ndeliver {\nrespond 200\n}\n}\n}",
		"tim_callback 1 a {\nqueue {\n%s\n}\n}",
		"tim_callback 1 a {\nqueue {\nstore %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nstore file a %s\n}\n}",
		"tim_callback 1 a {\nqueue {\ndeliver %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nworkers %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nworkers 1 %s\n}\n}",
		"tim_callback 1 a {\nqueue {\ntimeout %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nretry 1s %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nretry 1s 2s %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nmax_events %s\n}\n}",
		"tim_callback 1 a {\nqueue {\nstore file /tmp/%s\ndeliver {\nrespond 200\n}\n}\n}\ntim_callback 1 a {\nqueue two {\nstore file /tmp/%s\ndeliver {\nrespond 200\n}\n}\n}",
	} {
		for _, placeholder := range []string{"{env.TIM_SECRET}", "{$TIM_SECRET}"} {
			text := strings.ReplaceAll(directive, "%s", placeholder)
			if placeholder == "{$TIM_SECRET}" && strings.Contains(text, "store file /tmp/") {
				continue // both quote what is in Caddy's configuration
			}
			err := validate("{\nadmin off\n}\nhttps://localhost:8443 {\ntls internal\n" + text + "\nrespond 200\n}")
			if err == nil {
				t.Errorf("no error for\n%s", text)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%v, for\n%s", err, text)
			}
		}
	}
}
