package command_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// TestQueueInTerminal checks the tables and the question that are shown in a terminal.
func TestQueueInTerminal(t *testing.T) {
	o := operate(t, caddytest.FreeAddress(), "default")
	inTerminal := func(columns uint16, args ...string) *pty {
		args = append([]string{"tim-callback", "queue", "--address", o.admin}, args...)
		return startInTerminal(t, columns, caddytest.Command(t, t.TempDir(), args...))
	}
	o.send("default", "id1", "张三的一个很长很长的用户名")
	o.dead("default", 2)

	titles := map[uint16]string{
		60:  fmt.Sprintf("%-32s  SUBJECT   TRIES  DIED  LAST ERROR", "ID"), // the table does not fit, and no column is cut further
		80:  fmt.Sprintf("%-32s  SUBJECT             TRIES  DIED  LAST ERROR", "ID"),
		120: fmt.Sprintf("%-32s  %-26s  TYPE         TRIES  DIED  LAST ERROR", "ID", "SUBJECT"),
	}
	for columns, want := range titles {
		code, text := inTerminal(columns, "dead").wait()
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if code != 0 || len(lines) != 3 || lines[0] != want {
			t.Errorf("in %d columns: %d\n%s\nwant %s", columns, code, text, want)
		}
		for _, line := range lines {
			if n := console.Width(line); columns >= 80 && n > int(columns) {
				t.Errorf("%d of %d columns: %q", n, columns, line)
			}
		}
	}
	if code, text := inTerminal(80, "list").wait(); code != 0 ||
		!regexp.MustCompile(`^NAME     STORE  WAITING  IN FLIGHT  DEAD     SIZE  OLDEST\ndefault  file         0          0     2  [0-9.]+ KiB       -\n$`).MatchString(text) {
		t.Errorf("list: %d\n%s", code, text)
	}

	question := "Drop 2 dead letters of queue default for good? [y/N] "
	for _, answer := range []string{"\n", "n\n", "yep\n", "\x04"} {
		p := inTerminal(80, "drop", "--all")
		p.answer(question, answer)
		if code, text := p.wait(); code != 1 || !strings.HasSuffix(text, "Error: nothing was dropped\n") {
			t.Errorf("%q: %d\n%s", answer, code, text)
		}
	}
	o.dead("default", 2)
	p := inTerminal(80, "drop", "--all")
	p.answer(question, "Y\n")
	if code, text := p.wait(); code != 0 || !strings.HasSuffix(text, "dropped 2 dead letters of queue default\n") {
		t.Errorf("%d\n%s", code, text)
	}
	o.dead("default", 0)

	o.send("default", "id2")
	o.dead("default", 1)
	if code, text := inTerminal(80, "drop", "--all", "-y").wait(); code != 0 || text != "dropped 1 dead letter of queue default\n" {
		t.Errorf("-y: %d\n%s", code, text)
	}
	if code, text := inTerminal(80, "drop", "--all").wait(); code != 0 || text != "dropped 0 dead letters of queue default\n" {
		t.Errorf("nothing to drop: %d\n%s", code, text)
	}
}
