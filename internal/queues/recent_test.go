package queues

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

func TestGlobalOption(t *testing.T) {
	for _, tc := range []struct{ option, want, err string }{
		{"tim_callback {\nrecent 5000\n}", `{"recent":5000}`, ""},
		{"tim_callback {\nrecent 0\n}", `{"recent":0}`, ""},
		{"tim_callback {\nrecent 1000000\n}", `{"recent":1000000}`, ""},
		{"tim_callback {\nmask custom.* profile.nick\nmask data.MsgBody\n}", `{"mask":["custom.*","profile.nick","data.MsgBody"]}`, ""},
		{"tim_callback {\nmask\n}", "", "wrong argument count"},
		{"tim_callback {\nmask custom..x\n}", "", "mask: a field to mask is a path such as profile.nick"},
		{"tim_callback", `{}`, ""},
		{"", ``, ""},
		{"tim_callback {\nrecent 1000001\n}", "", `recent: "1000001" is not a number from 0 to 1000000`},
		{"tim_callback {\nrecent -1\n}", "", `recent: "-1" is not a number`},
		{"tim_callback {\nrecent many\n}", "", `recent: "many" is not a number`},
		{"tim_callback {\nrecent\n}", "", "wrong argument count"},
		{"tim_callback {\nrecent 1 2\n}", "", "wrong argument count"},
		{"tim_callback {\nrecent 1\nrecent 1\n}", "", "recent is set twice"},
		{"tim_callback {\nresent 1\n}", "", "unknown option resent"},
		{"tim_callback 5\n", "", "wrong argument count"},
		{"tim_callback {\n}\ntim_callback {\n}", "", "tim_callback is set twice"},
	} {
		adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("{\n"+tc.option+"\n}\n"), nil)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: got the error %v, want %s", tc.option, err, tc.err)
			}
			continue
		}
		var config struct{ Apps map[string]json.RawMessage }
		if err != nil || json.Unmarshal(adapted, &config) != nil || string(config.Apps[AppName]) != tc.want {
			t.Errorf("%s: got %s, %v; want %s", tc.option, adapted, err, tc.want)
		}
	}
}

func TestRecentOfApp(t *testing.T) {
	for _, tc := range []struct{ config, err string }{
		{`{}`, ""},
		{`{"recent":0}`, ""},
		{`{"recent":1000000}`, ""},
		{`{"recent":-1}`, "recent: -1 is not a number from 0 to 1000000"},
		{`{"recent":1000001}`, "recent: 1000001 is not a number from 0 to 1000000"},
		{`{"resent":1}`, "unknown field"},
	} {
		err := caddy.Validate(&caddy.Config{AppsRaw: caddy.ModuleMap{AppName: json.RawMessage(tc.config)}})
		if err == nil && tc.err != "" || err != nil && (tc.err == "" || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: got the error %v, want %s", tc.config, err, tc.err)
		}
	}
	five := 5
	if got := (&App{Recent: &five}).recent(); got != 5 {
		t.Errorf("got %d", got)
	}
	if got := new(App).recent(); got != recent.DefaultSize {
		t.Errorf("got %d without a number", got)
	}
}
