package faulttest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
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

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

const (
	sdkAppID = "1400000000"
	token    = "xxxxyyyy"
)

// server is a Caddy process with a queue. It can be started again and again.
type server struct {
	t       *testing.T
	dir     string
	path    string // the path of the queue file
	port    int
	admin   int
	backend string
	roots   *x509.CertPool
	cert    string
	key     string

	// values in the configuration, see caddyfile
	run     int // the number of the configuration, which is sent to the backend
	workers int
	timeout string
	retry   string
	extra   string // further directives of the site
	sites   string // further sites

	wrap      []string // a command that runs the server
	cmd       *exec.Cmd
	exited    chan struct{} // closed when the process has exited
	log       string        // the file with the output of the server
	closeIdle func()        // closes idle connections to the server
}

// newServer returns a server that delivers to b. It is not started yet.
func newServer(t *testing.T, b *backend) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{
		t: t, dir: dir, path: filepath.Join(dir, "queue.db"), port: caddytest.FreePort(), admin: caddytest.FreePort(),
		backend: b.addr, workers: 16, timeout: "5s", retry: "20ms 200ms", log: filepath.Join(dir, "log"),
	}
	ca := caddytest.NewAuthority(t)
	s.roots = ca.Pool()
	s.cert, s.key = ca.ServerFiles(t)
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", s.endOfLog())
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
		commands profile C2C.CallbackAfterSendMsg C2C.CallbackAfterMsgWithDraw
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

// command returns a caddy command with the current configuration. It keeps its own files in the
// directory of the server.
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

// launch starts the process, and does not wait until it serves.
func (s *server) launch() {
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
	s.launch()
	caddytest.Within(s.t, 30*time.Second, func() bool {
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

// kill kills the process, if it runs.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// terminate asks the process to end, waits for that, and returns how long it took.
func (s *server) terminate(limit time.Duration) time.Duration {
	s.t.Helper()
	if s.closeIdle != nil {
		s.closeIdle() // the server waits 5s for a connection on which nothing was sent
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
		s.t.Fatalf("the server still runs after %s", limit)
	}
}

// state returns the state of the queue, from the admin API.
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
	Spooled  int `json:"spooled"`
}

// adminClient uses each connection only once, since a reload closes the connections of the admin
// endpoint.
var adminClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// reload loads the current configuration into the server, and returns the error if that fails. The admin
// endpoint of the configuration before may close a new connection without an answer, while it ends.
func (s *server) reload() error {
	s.run++
	load := func() (*http.Response, error) {
		return adminClient.Post(fmt.Sprintf("http://localhost:%d/load", s.admin), "text/caddyfile", strings.NewReader(s.caddyfile()))
	}
	resp, err := load()
	for tries := 0; tries < 5 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)); tries++ {
		resp, err = load()
	}
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

// waitUntilEmpty waits until the queue is empty and has no dead letters.
func (s *server) waitUntilEmpty(limit time.Duration) {
	s.t.Helper()
	var last queueState
	caddytest.Within(s.t, limit, func() bool {
		state, err := s.state()
		if err == nil {
			last = state
		}
		return err == nil && last == queueState{}
	}, "the queue is empty, it holds %+v", &last)
}

// endOfLog returns the end of the output of the server.
func (s *server) endOfLog() []byte {
	text, _ := os.ReadFile(s.log)
	if n := len(text) - 4000; n > 0 {
		text = text[n:]
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return text
}
