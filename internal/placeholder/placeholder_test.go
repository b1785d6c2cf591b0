package placeholder

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

type source struct{}

func (source) Attributes() callback.Attributes {
	return callback.Attributes{ID: "id", SDKAppID: "1", Command: "C", Subject: "group", Operator: "op", Platform: "ios", ClientIP: "::1", Changed: "nick"}
}
func (source) FromAccount() string     { return "from" }
func (source) Reason() callback.Reason { return callback.ReasonStale }

func TestValue(t *testing.T) {
	for name, want := range map[string]string{
		"sdk_appid": "1", "command": "C", "from_account": "from", "operator_account": "op", "platform": "ios",
		"client_ip": "::1", "event_id": "id", "changed": "nick", "reason": "stale",
	} {
		if got, ok := Value("http.tim_callback."+name, source{}); !ok || got != want {
			t.Errorf("%s: got %v, %v", name, got, ok)
		}
	}
	for _, key := range []string{"http.tim_callback.other", "http.tim_callback.", "http.request.host", ""} {
		if got, ok := Value(key, source{}); ok {
			t.Errorf("%q: got %v", key, got)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("TIM_SET", "value")
	t.Setenv("TIM_EMPTY", "")
	repl := caddy.NewReplacer()
	for s, want := range map[string]string{"": "", "plain": "plain", "{env.TIM_SET}": "value", "a{env.TIM_SET}b": "avalueb", `\{x\}`: "{x}"} {
		if got, err := Expand(repl, s); err != nil || got != want {
			t.Errorf("%s: got %q, %v", s, got, err)
		}
	}
	for s, quoted := range map[string]bool{
		"{env.TIM_EMPTY}": true, "{env.TIM_UNSET}": true, "{file./nowhere/tim}": true,
		"secret{x}": false, "{secret}": false, "{env.TIM_UNSET}secret": false, "{env.TIM_UNSET}{x}": false,
	} {
		_, err := Expand(repl, s)
		if err == nil || strings.Contains(err.Error(), strings.Trim(s, "{}")) != quoted || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", s, err)
		}
	}
}
