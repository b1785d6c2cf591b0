package command_test

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestTailInTerminal looks for colours, which NO_COLOR switches off, and interrupts with the keyboard.
func TestTailInTerminal(t *testing.T) {
	c := startTailed(t)
	c.send("id1", "xxxxyyyy")
	c.send("id1", "wrong")
	for _, colour := range []bool{true, false} {
		cmd := caddytest.Command(t, t.TempDir(), "tim-callback", "tail", "--address", c.admin, "--since", "1h")
		cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
		if !colour {
			cmd.Env = append(cmd.Env, "NO_COLOR=1")
		}
		p := startInTerminal(t, 120, cmd)
		caddytest.Eventually(t, func() bool { return strings.Contains(p.text(), "bad_sign") && strings.HasSuffix(p.text(), "\n") }, "there is a line about the refused callback in %s", p)
		text := p.text()
		if got := strings.Contains(text, "\x1b[32mok\x1b[0m  ") && strings.Contains(text, "\x1b[33mbad_sign\x1b[0m  "); got != colour {
			t.Errorf("with colour %t: %q", colour, text)
		}
		if strings.Contains(text, "\x1b") != colour {
			t.Errorf("with colour %t: %q", colour, text)
		}
		if _, err := p.keys.WriteString("\x03"); err != nil {
			t.Fatal(err)
		}
		if code, text := p.wait(); code != 0 {
			t.Errorf("%d: %s", code, text)
		}
	}
}
