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
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// load provisions a handler from its JSON, as Caddy does it.
func load(t *testing.T, config string) (*Handler, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	module, err := ctx.LoadModuleByID("http.handlers.tim_callback", json.RawMessage(config))
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
		{"app twice", `{"apps":[{"sdk_appid":"1","tokens":["a"]},{"sdk_appid":"1","tokens":["b"]}]}`, "app 1 is configured twice"},
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
		{"unknown other_commands", `{` + app + `,"other_commands":"drop"}`, "other_commands"},
		{"certificate over plain HTTP", `{` + app + `,"require_client_cert":true,"allow_http":true}`, "exclude each other"},
		{"secret that is no base64", `{` + app + `,"sign":["topsecret!"]}`, "not base64"},
		{"short secret", `{` + app + `,"sign":["dG9wc2VjcmV0"]}`, "not 24 to 64"},
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
	t.Setenv("TIM_APP", testApp)
	t.Setenv("TIM_TOKEN", testToken)
	t.Setenv("TIM_SECRET", testSecret)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("fromfile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := load(t, fmt.Sprintf(`{"apps":[{"sdk_appid":"{env.TIM_APP}","tokens":["{env.TIM_TOKEN}","{file.%s}"]}],"sign":["{env.TIM_SECRET}"],"answer":"ack"}`, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{testToken, "fromfile"} {
		if w, a := serve(t, h, tlsRequest("POST", signedAt(token, 0), sample), nil); w.Code != 200 {
			t.Errorf("token %s: %d %+v", token, w.Code, a)
		}
	}
	dump, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{testToken, "fromfile", testSecret, "TIM_TOKEN"} {
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
	t.Setenv("TIM_CALLBACK_TOKEN", testToken)
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
