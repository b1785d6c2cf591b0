package command_test

import (
	"regexp"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestVersion(t *testing.T) {
	r := caddytest.Run(t, "tim-callback", "version")
	if r.Code != 0 || !regexp.MustCompile(`^caddy-tim-callback \S+\ncaddy \S+( \S+)?\n$`).MatchString(r.Stdout) || r.Stderr != "" {
		t.Errorf("got %+v", r)
	}
	if r := caddytest.Run(t, "tim-callback", "version", "x"); r.Code != 1 {
		t.Errorf("an argument too many: %+v", r)
	}
}
