package timcallback

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// testContext is a context as Caddy provisions modules with, but of no server.
func testContext(t *testing.T) caddy.Context {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	return ctx
}

// load provisions a handler from its JSON, as Caddy does it.
func load(t *testing.T, config string) (*Handler, error) {
	t.Helper()
	module, err := testContext(t).LoadModuleByID("http.handlers.tim_callback", json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return module.(*Handler), nil
}

func TestConfigErrors(t *testing.T) {
	t.Setenv("TIM_EMPTY", "")
	t.Setenv("TIM_TWIN", "1400000000")
	app := `"apps":[{"sdk_appid":"1400000000","tokens":["topsecret"]}]`
	for _, tc := range []struct{ name, config, want string }{
		{"no app", `{}`, "no app"},
		{"app twice", `{"apps":[{"sdk_appid":"1","tokens":["a"]},{"sdk_appid":"1","tokens":["b"]}]}`, "app 2: its SDKAppID is configured twice"},
		{"app twice after expansion", `{"apps":[{"sdk_appid":"1400000000","tokens":["a"]},{"sdk_appid":"{env.TIM_TWIN}","tokens":["b"]}]}`, "twice"},
		{"app that is no number", `{"apps":[{"sdk_appid":"14x","tokens":["a"]}]}`, "SDKAppID"},
		{"app zero", `{"apps":[{"sdk_appid":"0","tokens":["a"]}]}`, "SDKAppID"},
		{"app with a leading zero", `{"apps":[{"sdk_appid":"01","tokens":["a"]}]}`, "SDKAppID"},
		{"app with a plus", `{"apps":[{"sdk_appid":"+1","tokens":["a"]}]}`, "SDKAppID"},
		{"app beyond 64 bits", `{"apps":[{"sdk_appid":"18446744073709551616","tokens":["a"]}]}`, "SDKAppID"},
		{"app without a token", `{"apps":[{"sdk_appid":"1"}]}`, "has no token"},
		{"empty token", `{"apps":[{"sdk_appid":"1","tokens":[""]}]}`, "token 1 is empty"},
		{"token from an empty variable", `{"apps":[{"sdk_appid":"1","tokens":["{env.TIM_EMPTY}"]}]}`, "TIM_EMPTY"},
		{"token from an unset variable", `{"apps":[{"sdk_appid":"1","tokens":["{env.TIM_UNSET}"]}]}`, "TIM_UNSET"},
		{"token with white space", `{"apps":[{"sdk_appid":"1","tokens":["a\n"]}]}`, "white space"},
		{"token that is too long", `{"apps":[{"sdk_appid":"1","tokens":["` + strings.Repeat("x", 129) + `"]}]}`, "longer than 128"},
		{"token with braces", `{"apps":[{"sdk_appid":"1","tokens":["abc{topsecret}"]}]}`, "placeholder"},
		{"negative max_age", `{` + app + `,"max_age":"-1s"}`, "max_age"},
		{"negative timeout", `{` + app + `,"timeout":"-1s"}`, "timeout"},
		{"negative max_body", `{` + app + `,"max_body":-1}`, "max_body"},
		{"unknown answer", `{` + app + `,"answer":"maybe"}`, "answer"},
		{"unknown body", `{` + app + `,"body":"raw"}`, "body"},
		{"undecided that is never reached", `{` + app + `,"commands":["Group.*"],"undecided":[{"policy":"allow","commands":["Group.*"]},{"policy":"forbid","commands":["Group.CallbackBeforeSendMsg"]}]}`, "earlier"},
		{"unknown other_commands", `{` + app + `,"other_commands":"drop"}`, "other_commands"},
		{"certificate over plain HTTP", `{` + app + `,"require_client_cert":true,"allow_http":true}`, "cannot be used together"},
		{"secret that is no base64", `{` + app + `,"sign":["topsecret!"]}`, "not base64: generate one with `openssl rand -base64 32`"},
		{"short secret", `{` + app + `,"sign":["dG9wc2VjcmV0"]}`, "not 24 to 64: generate one with `openssl rand -base64 32`"},
		{"list of handlers", `{` + app + `,"queue":{"deliver":[{"handler":"reverse_proxy"}]}}`, `deliver: a list of routes is wanted, such as [{"handle": [`},
		{"a handler", `{` + app + `,"queue":{"deliver":{"handler":"reverse_proxy"}}}`, `a list of routes is wanted`},
		{"unknown key of a route", `{` + app + `,"queue":{"deliver":[{"handles":[]}]}}`, `handles`},
		{"unknown key of a queue", `{` + app + `,"queue":{"delivers":[]}}`, `delivers`},
		{"unknown key of retry", `{` + app + `,"queue":{"retry":{"first":"1s"}}}`, `first`},
		{"command that is no command", `{` + app + `,"commands":["Group"]}`, "commands: command 1: a command is a name such as"},
		{"command twice", `{` + app + `,"commands":["Group.*","C2C.*","Group.*"]}`, "commands: command 3 is listed twice"},
		{"all and another", `{` + app + `,"commands":["profile","all"]}`, "all includes every other command"},
		{"all, and others passed", `{` + app + `,"commands":["all"],"other_commands":"pass"}`, "pass has no effect"},
		{"undecided without decisions", `{` + app + `,"undecided":[{"policy":"allow"}]}`, "takes no command that asks for a decision"},
		{"unknown policy", `{` + app + `,"commands":["all"],"undecided":[{"policy":"maybe"}]}`, "undecided 1: the policy must be error, allow or forbid"},
		{"no policy", `{` + app + `,"commands":["all"],"undecided":[{}]}`, "undecided 1: the policy must be error, allow or forbid"},
		{"undecided news", `{` + app + `,"commands":["all"],"undecided":[{"policy":"allow","commands":["C2C.CallbackAfterSendMsg"]}]}`, "brings news"},
		{"undecided that is never reached", `{` + app + `,"commands":["all"],"undecided":[{"policy":"allow"},{"policy":"forbid","commands":["Group.*"]}]}`, "an earlier undecided has a policy for it already"},
		{"undecided twice", `{` + app + `,"commands":["all"],"undecided":[{"policy":"allow","commands":["Group.*"]},{"policy":"forbid","commands":["Group.*"]}]}`, "an earlier undecided"},
		{"undecided family that is not taken", `{` + app + `,"commands":["C2C.*"],"undecided":[{"policy":"allow","commands":["Group.*"]}]}`, "commands does not take it"},
		{"allow for an unknown command", `{` + app + `,"commands":["all"],"undecided":[{"policy":"allow","commands":["New.OnX"]}]}`, "only error is possible"},
		{"undecided that is not taken", `{` + app + `,"commands":["Group.*"],"undecided":[{"policy":"allow","commands":["C2C.CallbackBeforeSendMsg"]}]}`, "commands does not take it"},
		{"allow without an answer", `{` + app + `,"commands":["all"],"undecided":[{"policy":"allow","commands":["Chatbot.OnC2CSignalMessage"]}]}`, "only error is possible"},
		{"unknown key", `{` + app + `,"max_bodies":1}`, "max_bodies"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.config)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "topsecret") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

func TestPlaceholdersExpandAtProvisioning(t *testing.T) {
	t.Setenv("TIM_APP", sample.SDKAppID)
	t.Setenv("TIM_TOKEN", sample.Token)
	t.Setenv("TIM_SECRET", testSecret)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("fromfile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := load(t, fmt.Sprintf(`{"apps":[{"sdk_appid":"{env.TIM_APP}","tokens":["{env.TIM_TOKEN}","{file.%s}"]}],"sign":["{env.TIM_SECRET}"],"answer":"ack"}`, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{sample.Token, "fromfile"} {
		if w, a := serve(t, h, tlsRequest("POST", signedAt(token, 0), sample.Body), nil); w.Code != 200 {
			t.Errorf("token %s: %d %+v", token, w.Code, a)
		}
	}
	dump, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{sample.Token, "fromfile", testSecret, "TIM_TOKEN"} {
		if strings.Contains(string(dump), secret) {
			t.Errorf("what dumps the module finds %q: %s", secret, dump)
		}
	}
}

func TestDefaults(t *testing.T) {
	h, err := load(t, `{"apps":[{"sdk_appid":"1","tokens":["a"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if time.Duration(h.MaxAge) != time.Minute || h.MaxBody != 65536 || time.Duration(h.Timeout) != 1800*time.Millisecond ||
		h.Answer != "forward" || h.Body != "normalized" || h.OtherCommands != "reject" {
		t.Errorf("defaults: %+v", h)
	}
}

// TestJSONExample decodes caddy.json.example strictly and validates it.
func TestJSONExample(t *testing.T) {
	t.Setenv("TIM_CALLBACK_TOKEN", sample.Token)
	t.Setenv("TIM_WEBHOOK_SECRET", testSecret)
	example, err := os.ReadFile("caddy.json.example")
	if err != nil {
		t.Fatal(err)
	}
	var config caddy.Config
	if err := caddy.StrictUnmarshalJSON(example, &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(example), `"handler": "tim_callback"`) {
		t.Error("the example does not use the module")
	}
}
