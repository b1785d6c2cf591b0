package faulttest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestSyncComesBeforeAnswer traces system calls to check that an answer is sent only after a sync
// of the file has succeeded, with no write to the file in between.
func TestSyncComesBeforeAnswer(t *testing.T) {
	b := newBackend(t)
	b.set(hang) // so that the file is written only when events are stored
	s, trace := traced(t, b, "-e", "trace=read,write,writev,sendto,pwrite64,pwritev,fdatasync,fsync", "-yy", "-s", "0")
	l := newLoad(t, s, 1)
	l.sendNext(l.users[0]) // this opens the connection, and comes after the writes of the start
	if _, err := s.state(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		l.sendNext(l.users[0])
	}
	if l.ok.Load() != 6 {
		t.Fatalf("%d were answered OK, want 6", l.ok.Load())
	}
	s.kill()
	caddytest.Within(t, 10*time.Second, func() bool { // strace writes this at its end
		text, err := os.ReadFile(trace)
		return err == nil && strings.Contains(string(text), "killed by SIGKILL")
	}, "the trace is complete")

	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written, synced, requests, answers := false, false, 0, 0
	var early []string // answers before a sync
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		call := begun.FindStringSubmatch(line)
		if call == nil {
			// this is the end of a call during which other calls were made
			if resumed := regexp.MustCompile(`^(\d+) .*<\.\.\. f(data)?sync resumed>.*= 0$`).FindStringSubmatch(line); resumed != nil && pending[resumed[1]] {
				synced = true
			}
			continue
		}
		thread, name, file, rest := call[1], call[2], call[3], call[4]
		ofQueue := file == s.path
		if name == "read" && strings.Contains(file, fmt.Sprintf(":%d->", s.admin)) {
			written, requests, answers, early = false, 0, 0, nil // the test has asked for the state: count from here
		}
		fromClient := strings.Contains(file, fmt.Sprintf(":%d->", s.port))
		switch {
		case ofQueue && (name == "fdatasync" || name == "fsync"):
			if pending[thread] = strings.Contains(rest, "unfinished"); !pending[thread] && strings.HasSuffix(rest, "= 0") {
				synced = true
			}
		case ofQueue && strings.HasPrefix(name, "pwrite"):
			written, synced = true, false
		case fromClient && name == "read":
			requests++
		case fromClient && written:
			if answers++; !synced {
				early = append(early, line)
			}
			written = false
		}
	}
	for _, line := range early {
		t.Errorf("an answer was written before a sync:\n%s", line)
	}
	t.Logf("%d reads from the client, and %d answers to it", requests, answers)
	if answers != 5 {
		t.Errorf("found %d answers in the trace, want 5", answers)
	}
}

var (
	begun   = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<(.+?)>(?:\(deleted\))?[,)<\s](.*)$`)
	pending = make(map[string]bool) // threads that are in a sync
)

// If a sync fails, as on a failing disk, callbacks are answered 503 until syncs succeed again. No event
// that was answered OK is lost.
func TestSyncFails(t *testing.T) {
	b := newBackend(t)
	// the 10th sync of each thread fails
	s, _ := traced(t, b, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=10")
	l := newLoad(t, s, 20)
	l.start()
	caddytest.Within(t, 20*time.Second, func() bool { return l.refused.Load() > 0 }, "a sync fails")
	l.storesAgain()
	l.stop()
	s.waitUntilEmpty(30 * time.Second)
	s.kill()
	s.wrap = nil
	s.start()
	s.mustEmpty()
	check(t, l, b, nil)
}

// traced starts a server under strace, and returns the path of the trace.
func traced(t *testing.T, b *backend, args ...string) (s *server, trace string) {
	t.Helper()
	needStrace(t)
	trace = filepath.Join(t.TempDir(), "trace")
	s = newServer(t, b)
	s.timeout = "1m"
	s.wrap = strace(trace, args...)
	s.start()
	return s, trace
}

// needStrace skips the test if there is no strace.
func needStrace(t *testing.T) {
	t.Helper()
	if output, err := exec.Command("strace", "-D", "-f", "-o", filepath.Join(t.TempDir(), "trace"), "true").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED, strace is missing or may not trace here: %v %s", err, output)
	}
}

// strace returns the command, with arguments, that runs a server under strace.
func strace(trace string, args ...string) []string {
	// with -D the server is the child of this process, not strace
	return append([]string{"strace", "-D", "-f", "-o", trace}, args...)
}
