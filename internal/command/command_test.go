package command_test

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestHelp(t *testing.T) {
	r := caddytest.Run(t, "help", "tim-callback")
	if r.Code != 0 || !strings.Contains(r.Stdout, "Tencent Cloud Chat") {
		t.Errorf("got %+v", r)
	}
}

func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{{"tim-callback", "chek"}, {"tim-callback", "chek", "--url", "https://localhost"}, {"tim-callback", "queue", "lst"}} {
		if r := caddytest.Run(t, args...); r.Code != 1 || !strings.Contains(r.Stderr, "unknown command \""+args[len(args)-1]) && !strings.Contains(r.Stderr, "unknown command \"chek") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := caddytest.Run(t, "tim-callback"); r.Code != 0 || !strings.Contains(r.Stdout, "send") {
		t.Errorf("got %+v", r)
	}
}
