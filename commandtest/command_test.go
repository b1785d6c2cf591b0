package commandtest

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	r := run(t, "help", "tim-callback")
	if r.code != 0 || !strings.Contains(r.stdout, "Tencent Cloud Chat") {
		t.Errorf("got %+v", r)
	}
}

func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{{"tim-callback", "chek"}, {"tim-callback", "chek", "--url", "https://localhost"}, {"tim-callback", "queue", "lst"}} {
		if r := run(t, args...); r.code != 1 || !strings.Contains(r.stderr, "unknown command \""+args[len(args)-1]) && !strings.Contains(r.stderr, "unknown command \"chek") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := run(t, "tim-callback"); r.code != 0 || !strings.Contains(r.stdout, "send") {
		t.Errorf("got %+v", r)
	}
}
