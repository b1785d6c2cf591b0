package faulttest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	sdkAppID = "1400000000"
	token    = "xxxxyyyy"
)

// server is a Caddy with a queue, as a process that can be started again and again.
type server struct {
	t       *testing.T
	dir     string
	path    string // of the queue's file
	port    int
	admin   int
	backend string
	roots   *x509.CertPool
	cert    string
	key     string

	// what the configuration says, see caddyfile
	run     int // counts configurations; the backend is told
	workers int
	timeout string
	retry   string
	extra   string // further directives of the site
	sites   string // further sites

	wrap      []string // a command to run it under
	cmd       *exec.Cmd
	exited    chan struct{} // closed when cmd has
	log       string        // file with what it writes
	closeIdle func()        // connections to it
}

// newServer prepares a server that delivers to b, without starting it.
func newServer(t *testing.T, b *backend) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{
		t: t, dir: dir, path: filepath.Join(dir, "queue.db"), port: freePort(t), admin: freePort(t),
		backend: b.addr, workers: 16, timeout: "5s", retry: "20ms 200ms", log: filepath.Join(dir, "log"),
	}
	s.roots, s.cert, s.key = certify(t, dir)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's last words:\n%s", s.lastWords())
		}
	})
	return s
}

func (s *server) caddyfile() string {
	return fmt.Sprintf(`{
	admin localhost:%d
	persist_config off
	auto_https disable_redirects
	grace_period 5s
}
https://localhost:%d {
	tls %s %s
	%s
	tim_callback /im/callback %s %s {
		queue {
			store file %s
			deliver {
				reverse_proxy %s {
					header_up X-Run %d
				}
			}
			workers %d
			timeout %s
			retry %s
		}
	}
}
%s`, s.admin, s.port, s.cert, s.key, s.extra, sdkAppID, token, s.path, s.backend, s.run, s.workers, s.timeout, s.retry, s.sites)
}

// command is caddy with arguments, the current configuration, and all that it
// writes by itself in the server's own directory.
func (s *server) command(ctx context.Context, subcommand string) *exec.Cmd {
	s.t.Helper()
	binary, err := caddyBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	config := filepath.Join(s.dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(s.caddyfile()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	args := append(append([]string{}, s.wrap...), binary, subcommand, "--config", config, "--adapter", "caddyfile")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	dieWithTest(cmd)
	return cmd
}

// begin starts the process and does not wait for anything.
func (s *server) begin() {
	s.t.Helper()
	s.run++
	s.cmd = s.command(context.Background(), "run")
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(exited)
	}(s.cmd)
}

// start starts the process and waits until it serves.
func (s *server) start() {
	s.t.Helper()
	s.begin()
	within(s.t, 30*time.Second, func() bool {
		select {
		case <-s.exited:
			s.t.Fatalf("the server has ended: %s", s.cmd.ProcessState)
		default:
		}
		if _, err := s.state(); err != nil {
			return false
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", s.port))
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "the server answers")
}

// kill ends the process as a crash would, if it runs.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// terminate asks the process to end and returns how long it took.
func (s *server) terminate(limit time.Duration) time.Duration {
	s.t.Helper()
	if s.closeIdle != nil {
		s.closeIdle() // for one that nothing was sent on, the server waits 5s
	}
	start := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.mustExit(limit)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the server ended with %d", code)
	}
	s.cmd = nil
	return time.Since(start)
}

func (s *server) mustExit(limit time.Duration) {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(limit):
		s.t.Fatalf("the server runs still after %s", limit)
	}
}

// state asks the admin API about the queue.
func (s *server) state() (q queueState, err error) {
	resp, err := adminClient.Get(fmt.Sprintf("http://localhost:%d/tim_callback/queues", s.admin))
	if err != nil {
		return q, err
	}
	defer resp.Body.Close()
	var queues []queueState
	if err := json.NewDecoder(resp.Body).Decode(&queues); err != nil {
		return q, err
	}
	if len(queues) != 1 {
		return q, fmt.Errorf("%d queues", len(queues))
	}
	return queues[0], nil
}

type queueState struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"in_flight"`
	Dead     int `json:"dead"`
}

// a reload closes the admin endpoint's connections
var adminClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// reload gives the server its current configuration, and returns what is wrong with it.
func (s *server) reload() error {
	s.run++
	resp, err := adminClient.Post(fmt.Sprintf("http://localhost:%d/load", s.admin), "text/caddyfile", strings.NewReader(s.caddyfile()))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// drained waits until nothing is left in the queue.
func (s *server) drained(limit time.Duration) {
	s.t.Helper()
	var last queueState
	within(s.t, limit, func() bool {
		state, err := s.state()
		if err == nil {
			last = state
		}
		return err == nil && last == queueState{}
	}, "the queue is empty, it holds %+v", &last)
}

// lastWords is the end of what the server has written.
func (s *server) lastWords() []byte {
	text, _ := os.ReadFile(s.log)
	if n := len(text) - 4000; n > 0 {
		text = text[n:]
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
