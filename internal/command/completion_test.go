package command_test

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestCompletion completes what shells ask for, and no names of files.
func TestCompletion(t *testing.T) {
	o := operate(t, caddytest.FreeAddress(), "default", "other")
	for _, tc := range []struct{ words, want string }{
		{"", "\nfind\t"},
		{"tail --result ", "\nbad_sign\n"},
		{"tail --command ", "\nGroup.CallbackAfterSendMsg\n"},
		{"find ", "\n:4\n"},
		{"queue events --state ", "\nin_flight\n"},
		{"queue replay --command ", "\nProfile.CallbackPortraitSet\n"},
		{"queue events --address " + o.admin + " --queue ", "\ndefault\nother\n:4\n"},
		{"queue drop --address " + o.admin + " --queue ", "\ndefault\nother\n:4\n"},
		{"queue dead --address " + caddytest.FreeAddress() + " --queue ", "\n:4\n"},
	} {
		args := append([]string{"__complete", "tim-callback"}, strings.Split(tc.words, " ")...)
		if r := caddytest.Run(t, args...); r.Code != 0 || !strings.Contains("\n"+r.Stdout, tc.want) {
			t.Errorf("%q: %+v", tc.words, r)
		}
	}
}
