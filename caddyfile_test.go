package timcallback

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	ofcaddy "github.com/caddyserver/caddy/v2/caddytest"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

var update = flag.Bool("update", false, "write the goldens of caddyfile/ anew")

func TestDirective(t *testing.T) {
	for _, tc := range []struct{ name, directive, want string }{
		{"short form", `tim_callback 1 a`, `{"apps":[{"sdk_appid":"1","tokens":["a"]}]}`},
		{"short form with two tokens", `tim_callback 1 a b`, `{"apps":[{"sdk_appid":"1","tokens":["a","b"]}]}`},
		{
			"short form and apps", "tim_callback 1 a {\napp 2 b\napp 3 c d\n}",
			`{"apps":[{"sdk_appid":"1","tokens":["a"]},{"sdk_appid":"2","tokens":["b"]},{"sdk_appid":"3","tokens":["c","d"]}]}`,
		},
		{"app without a token", "tim_callback 1 {\nallow_unsigned\n}", `{"apps":[{"sdk_appid":"1"}],"allow_unsigned":true}`},
		{
			"everything", `tim_callback {
				app 1 {env.A}
				max_age 30s
				max_body 1MiB
				require_client_cert
				other_commands pass
				answer ack
				body original
				timeout 1500ms
				sign s1 s2
			}`,
			`{"apps":[{"sdk_appid":"1","tokens":["{env.A}"]}],"max_age":30000000000,"max_body":1048576,"require_client_cert":true,` +
				`"other_commands":"pass","answer":"ack","body":"original","timeout":1500000000,"sign":["s1","s2"]}`,
		},
		{
			"commands", "tim_callback 1 a {\ncommands profile Group.* C2C.CallbackAfterSendMsg\nundecided allow Group.* C2C.*\nundecided forbid\n}",
			`{"apps":[{"sdk_appid":"1","tokens":["a"]}],"commands":["profile","Group.*","C2C.CallbackAfterSendMsg"],` +
				`"undecided":[{"policy":"allow","commands":["Group.*","C2C.*"]},{"policy":"forbid"}]}`,
		},
		{"allow_http", "tim_callback 1 a {\nallow_http\n}", `{"apps":[{"sdk_appid":"1","tokens":["a"]}],"allow_http":true}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var h Handler
			if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(tc.directive)); err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestDirectiveErrors(t *testing.T) {
	for _, tc := range []struct{ block, want string }{
		{"app", "argument"},
		{"max_age", "argument"},
		{"max_age 1s 2s", "argument"},
		{"max_age soon", "max_age"},
		{"max_age 0s", "greater than zero"},
		{"max_age -1s", "greater than zero"},
		{"timeout 0", "greater than zero"},
		{"max_body many", "invalid size"},
		{"max_body 0", "greater than zero"},
		{"max_body -1", "invalid size"},
		{"max_body 9EiB", "too large"},
		{"require_client_cert yes", "argument"},
		{"allow_unsigned yes", "argument"},
		{"allow_http yes", "argument"},
		{"commands", "argument"},
		{"commands all\ncommands all", "twice"},
		{"undecided", "argument"},
		{"other_commands", "argument"},
		{"other_commands drop", "neither reject nor pass"},
		{"answer maybe", "neither forward nor ack"},
		{"answer ack forward", "argument"},
		{"body raw", "neither normalized nor original"},
		{"sign", "argument"},
		{"max_age 1s\nmax_age 1s", "twice"},
		{"allow_http\nallow_http", "twice"},
		{"sign a\nsign b", "twice"},
		{"tokens a", "unrecognized subdirective tokens"},
		{"max_age 1s {\nx\n}", "unrecognized subdirective {"},
	} {
		t.Run(tc.block, func(t *testing.T) {
			err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("tim_callback 1 a {\n" + tc.block + "\n}"))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if !regexp.MustCompile(`:\d+`).MatchString(err.Error()) {
				t.Errorf("error %v does not say where", err)
			}
		})
	}
}

// TestExamples holds every Caddyfile of caddyfile/ to being formatted, adapting
// without a warning into the golden beside it, and being valid.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob("caddyfile/*.Caddyfile")
	if err != nil || len(examples) < 7 {
		t.Fatalf("examples: %v, %v", examples, err)
	}
	for _, variable := range []string{"TIM_CALLBACK_TOKEN", "TIM_CALLBACK_TOKEN_2", "TIM_CALLBACK_TOKEN_2_NEW"} {
		t.Setenv(variable, sample.Token)
	}
	t.Setenv("TIM_WEBHOOK_SECRET", testSecret)
	t.Setenv("TIM_INSPECTOR_HASH", "$2a$04$LSmpAurSiYW4OKpIaCAqw.f4JvhdbxFPA7xEM7QRLoN76d2EKlrNi") // of whatever
	for _, example := range examples {
		t.Run(filepath.Base(example), func(t *testing.T) {
			text, err := os.ReadFile(example)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(text, caddyfile.Format(text)) {
				t.Error("not formatted: run caddy fmt")
			}
			if !bytes.HasPrefix(text, []byte("# ")) {
				t.Error("does not begin with a comment that says when to use it")
			}
			adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": example})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range warnings {
				t.Errorf("warning: %v", w)
			}
			checkGolden(t, strings.TrimSuffix(example, ".Caddyfile")+".json", adapted)
			checkSignIsRedacted(t, adapted)
			validateExample(t, string(text))
		})
	}
}

func checkGolden(t *testing.T, golden string, adapted []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, adapted, "", "\t"); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if pretty.String() != string(want) {
		t.Errorf("adapts to something else than %s (if that is right: go test -run TestExamples -update):\n%s", golden, pretty.String())
	}
}

// checkSignIsRedacted looks at every server that has an access log.
func checkSignIsRedacted(t *testing.T, adapted []byte) {
	t.Helper()
	var config struct {
		Logging struct {
			Logs map[string]struct {
				Include []string        `json:"include"`
				Encoder json.RawMessage `json:"encoder"`
			} `json:"logs"`
		} `json:"logging"`
	}
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	for name, log := range config.Logging.Logs {
		access := false
		for _, logger := range log.Include {
			access = access || strings.HasPrefix(logger, "http.log.access")
		}
		encoder := string(log.Encoder)
		if access && !strings.Contains(encoder, `"parameter":"Sign"`) && !strings.Contains(encoder, `"request":{"filter":"delete"}`) {
			t.Errorf("access log %s does not redact Sign", name)
		}
	}
}

// validateExample validates an example with a client CA and a log file of the test's own.
func validateExample(t *testing.T, text string) {
	t.Helper()
	t.Setenv("TIM_CLIENT_CA", caddytest.NewAuthority(t).File(t))
	t.Setenv("TIM_POSTGRES_CA", os.Getenv("TIM_CLIENT_CA"))
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TIM_POSTGRES_PASSWORD", password)
	t.Setenv("TIM_LOG", filepath.Join(t.TempDir(), "callbacks.log"))
	if err := validate(text); err != nil {
		t.Error(err)
	}
}

// validate does what `caddy validate` does.
func validate(text string) error {
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		return err
	}
	var config caddy.Config
	if err := caddy.StrictUnmarshalJSON(adapted, &config); err != nil {
		return err
	}
	return caddy.Validate(&config)
}

// TestOrder has the directive behind forward_auth and before reverse_proxy,
// whatever the order in the file.
func TestOrder(t *testing.T) {
	ofcaddy.AssertAdapt(t, `:8443 {
	reverse_proxy 127.0.0.1:1
	tim_callback /im/callback 1 a
}`, "caddyfile", `{
	"apps": {
		"http": {
			"servers": {
				"srv0": {
					"listen": [
						":8443"
					],
					"routes": [
						{
							"match": [
								{
									"path": [
										"/im/callback"
									]
								}
							],
							"handle": [
								{
									"apps": [
										{
											"sdk_appid": "1",
											"tokens": [
												"a"
											]
										}
									],
									"handler": "tim_callback"
								}
							]
						},
						{
							"handle": [
								{
									"handler": "reverse_proxy",
									"upstreams": [
										{
											"dial": "127.0.0.1:1"
										}
									]
								}
							]
						}
					]
				}
			}
		}
	}
}`)
}
