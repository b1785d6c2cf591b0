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
)

// The answer is written only after a sync of the file has succeeded, with nothing
// written to the file in between: seen from the kernel.
func TestSyncComesBeforeAnswer(t *testing.T) {
	b := newBackend(t)
	b.set(hang) // so that nothing is written but what is stored
	s, trace := traced(t, b, "-e", "trace=read,write,writev,sendto,pwrite64,pwritev,fdatasync,fsync", "-yy", "-s", "0")
	l := newLoad(t, s, 1)
	l.next(l.users[0]) // has the connection made, and comes after what a start writes
	if _, err := s.state(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		l.next(l.users[0])
	}
	if l.ok.Load() != 6 {
		t.Fatalf("%d were answered OK, want 6", l.ok.Load())
	}
	s.kill()
	within(t, 10*time.Second, func() bool { // strace ends when it has written all
		text, err := os.ReadFile(trace)
		return err == nil && strings.Contains(string(text), "killed by SIGKILL")
	}, "the trace is complete")

	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written, synced, requests, answers := false, false, 0, 0
	var early []string // answers
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		call := begun.FindStringSubmatch(line)
		if call == nil {
			// the end of a call that others came in between
			if resumed := regexp.MustCompile(`^(\d+) .*<\.\.\. f(data)?sync resumed>.*= 0$`).FindStringSubmatch(line); resumed != nil && pending[resumed[1]] {
				synced = true
			}
			continue
		}
		thread, name, file, rest := call[1], call[2], call[3], call[4]
		ofQueue := file == s.path
		if name == "read" && strings.Contains(file, fmt.Sprintf(":%d->", s.admin)) {
			written, requests, answers, early = false, 0, 0, nil // the state was asked for: now it begins
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
	t.Logf("%d reads of and %d answers to the client", requests, answers)
	if answers != 5 {
		t.Errorf("found %d answers in the trace, want 5", answers)
	}
}

var (
	begun   = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<(.+?)>(?:\(deleted\))?[,)<\s](.*)$`)
	pending = make(map[string]bool) // threads that are in a sync
)

// A sync that fails, as on a failing disk: callbacks are answered 503 until syncs
// work again, and none that was answered OK is lost.
func TestSyncFails(t *testing.T) {
	b := newBackend(t)
	// of each thread the 10th sync
	s, _ := traced(t, b, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=10")
	l := newLoad(t, s, 20)
	l.start()
	within(t, 20*time.Second, func() bool { return l.refused.Load() > 0 }, "a sync fails")
	l.storesAgain()
	l.stop()
	s.drained(30 * time.Second)
	s.kill()
	s.wrap = nil
	s.start()
	s.emptied()
	check(t, l, b, nil)
}

// traced starts a server under strace.
func traced(t *testing.T, b *backend, args ...string) (s *server, trace string) {
	t.Helper()
	trace = filepath.Join(t.TempDir(), "trace")
	if output, err := exec.Command("strace", "-D", "-f", "-o", trace, "true").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED, strace is missing or may not trace here: %v %s", err, output)
	}
	s = newServer(t, b)
	s.timeout = "1m"
	// -D: the server is this process's child, not strace
	s.wrap = append([]string{"strace", "-D", "-f", "-o", trace}, args...)
	s.start()
	return s, trace
}
