package command_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// pty is a terminal in which a command runs.
type pty struct {
	t    *testing.T
	cmd  *exec.Cmd
	keys *os.File
	done chan struct{} // closed when the command has written everything

	mu     sync.Mutex
	screen strings.Builder
}

// startInTerminal starts a command in a terminal with this number of columns.
func startInTerminal(t *testing.T, columns uint16, cmd *exec.Cmd) *pty {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, cmd: cmd, keys: keys, done: make(chan struct{})}
	go p.read()
	return p
}

// read reads until no process has the terminal open, which Linux reports as an error.
func (p *pty) read() {
	defer close(p.done)
	buf := make([]byte, 4096)
	for {
		n, err := p.keys.Read(buf)
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// text returns everything that was written so far.
func (p *pty) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.screen.String(), "\r\n", "\n")
}

// String returns the same, for messages of tests.
func (p *pty) String() string { return fmt.Sprintf("%q", p.text()) }

// answer types an answer to a question.
func (p *pty) answer(question, answer string) {
	p.t.Helper()
	caddytest.Eventually(p.t, func() bool { return strings.HasSuffix(p.text(), question) }, "it asks %q", question)
	if _, err := p.keys.WriteString(answer); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the command has ended, and returns its exit code and everything that it
// wrote.
func (p *pty) wait() (int, string) {
	_ = p.cmd.Wait()
	<-p.done
	return p.cmd.ProcessState.ExitCode(), p.text()
}
