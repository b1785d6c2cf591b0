package inspector

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func TestCaddyfile(t *testing.T) {
	for _, tc := range []struct{ block, want string }{
		{"", `{}`},
		{"{\n}", `{}`},
		{"{\nallow_remote\n}", `{"allow_remote":true}`},
		{"{\npayloads\nmask custom.* profile.nick\nmask data.MsgBody\n}", `{"payloads":true,"mask":["custom.*","profile.nick","data.MsgBody"]}`},
	} {
		i := new(Inspector)
		if err := i.UnmarshalCaddyfile(caddyfile.NewTestDispenser(directive + " " + tc.block)); err != nil {
			t.Errorf("%s: %v", tc.block, err)
		}
		if got, err := json.Marshal(i); err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, %v", tc.block, got, err)
		}
	}
	for block, want := range map[string]string{
		"x":                                "wrong argument count",
		"{\nx\n}":                          "unrecognized subdirective x",
		"{\nallow_remote yes\n}":           "allow_remote: wrong number of arguments",
		"{\nallow_remote\nallow_remote\n}": "allow_remote is set twice",
		"{\npayloads off\n}":               "payloads: wrong number of arguments",
		"{\nmask\n}":                       "wrong argument count",
		"{\nmask a..b\n}":                  "mask: a field to mask is a path such as",
	} {
		err := new(Inspector).UnmarshalCaddyfile(caddyfile.NewTestDispenser(directive + " " + block))
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), want) {
			t.Errorf("%s: %v, want %s", block, err, want)
		}
	}
}

// TestOrder has the directive behind basic_auth and encode, and before respond, whatever the order in the file.
func TestOrder(t *testing.T) {
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":8443 {\nrespond hello\ntim_callback_inspector\nencode\nbasic_auth {\na "+strings.Repeat("b", 60)+"\n}\n}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, handler := range []string{"authentication", "encode", "tim_callback_inspector", "static_response"} {
		at := strings.Index(string(adapted), `"handler":"`+handler+`"`)
		if at <= last {
			t.Errorf("%s is not in its place: %s", handler, adapted)
		}
		last = at
	}
}

func TestProvision(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	i := &Inspector{Mask: []string{"custom.*", "a..b"}}
	if err := i.Provision(ctx); err == nil || !strings.HasPrefix(err.Error(), "mask: ") {
		t.Errorf("a bad pattern: %v", err)
	}
	if err := i.Cleanup(); err != nil { // Caddy cleans up also what it could not provision
		t.Error(err)
	}
	i = new(Inspector)
	if err := i.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := i.Cleanup(); err != nil || i.ended.Err() == nil {
			t.Errorf("%v, ended: %v", err, i.ended.Err())
		}
	}
}
