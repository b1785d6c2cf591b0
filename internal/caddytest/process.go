package caddytest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// AsCaddy is the environment variable that makes a test binary a Caddy, see [Main].
const AsCaddy = "CADDYTEST_AS_CADDY"

// Main is for TestMain. It makes the test binary a Caddy where [Command] runs it: the
// real one, in a process of its own.
func Main(m *testing.M) {
	if os.Getenv(AsCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// Command returns a Caddy command whose own files are in dir, with no colours and no
// terminal. It is killed when the test ends, or after a minute.
func Command(tb testing.TB, dir string, args ...string) *exec.Cmd {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	tb.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	// with the race detector it would wait for a second at its end
	cmd.Env = append(os.Environ(), AsCaddy+"=1", "GORACE=atexit_sleep_ms=0", "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd
}

// Result is how a command has ended.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Run runs a Caddy command to its end.
func Run(tb testing.TB, args ...string) Result {
	tb.Helper()
	cmd := Command(tb, tb.TempDir(), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		tb.Fatal(err)
	}
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Process is a Caddy that runs in a process of its own.
type Process struct {
	Cmd *exec.Cmd
	Dir string

	tb   testing.TB
	log  string        // file with all that it writes
	done chan struct{} // closed when it has ended
}

// StartProcess starts `caddy run` with a Caddyfile and does not wait for it. Caddy's own
// files are in dir, and it is asked to end when the test ends.
func StartProcess(tb testing.TB, dir, caddyfile string) *Process {
	tb.Helper()
	config, err := os.CreateTemp(tb.TempDir(), "Caddyfile")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := config.WriteString(caddyfile); err != nil || config.Close() != nil {
		tb.Fatalf("writing the Caddyfile: %v", err)
	}
	log, err := os.Create(config.Name() + ".log")
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	p := &Process{
		Cmd: Command(tb, dir, "run", "--adapter", "caddyfile", "--config", config.Name()),
		Dir: dir, tb: tb, log: log.Name(), done: make(chan struct{}),
	}
	p.Cmd.Stdout, p.Cmd.Stderr = log, log
	if err := p.Cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = p.Cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() {
		p.Stop()
		if tb.Failed() {
			tb.Logf("Caddy has written:\n%s", p.Log())
		}
	})
	return p
}

// Stop asks the process to end and waits for it. It returns the exit code.
func (p *Process) Stop() (code int) {
	_ = p.Cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended
	return p.Wait()
}

// Wait waits for the process to end and returns the exit code.
func (p *Process) Wait() (code int) {
	<-p.done
	return p.Cmd.ProcessState.ExitCode()
}

// Log returns all that the process has written until now.
func (p *Process) Log() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}
