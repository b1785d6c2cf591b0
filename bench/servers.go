package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	serverCore = "0"
	loadCore   = "1"

	sdkAppID     = "1400000000"
	token        = "xxxxyyyy"
	callbackPath = "/im/callback"
)

var okAnswer = string(profile.OK().JSON())

// server is a Caddy process.
type server struct {
	name     string
	what     string // for -help
	core     string
	site     string // what its Caddyfile's site does
	plain    bool   // no TLS
	logsInfo bool
	proxies  bool // to backend

	addr    string
	admin   string // address of its admin endpoint, "" for none
	process *exec.Cmd
	output  bytes.Buffer
	exited  chan error
}

const (
	handled = "tim_callback " + callbackPath + " " + sdkAppID + " " + token
	proxied = "reverse_proxy " + callbackPath + " BACKEND"
	// Caddy adds the Content-Type by itself where the body is JSON
	static = "respond " + callbackPath + " `OK` 200"
)

var (
	respond = &server{name: "respond", what: "a static answer, with nothing verified: what Caddy itself costs", core: serverCore, site: static}
	ack     = &server{name: "ack", what: "tim_callback with `answer ack`, its log at WARN", core: serverCore, site: handled + " {\n\t\tanswer ack\n\t}"}
	ackInfo = &server{name: "ack+info", what: "the same with one Info line per callback, to a file", core: serverCore, site: ack.site, logsInfo: true}
	forward = &server{name: "forward", what: "tim_callback in front of reverse_proxy to a local backend", core: serverCore, site: handled + "\n\t" + proxied, proxies: true}
	proxy   = &server{name: "proxy", what: "reverse_proxy to the same backend, with nothing verified", core: serverCore, site: proxied, proxies: true}

	compared = []*server{respond, ack, ackInfo, forward, proxy}

	// backend is not measured, so it shares the core of the load
	backend = &server{name: "backend", core: loadCore, site: static, plain: true}
)

// caddyfile is the server's configuration; all that it writes goes to dir.
func (s *server) caddyfile(dir string) string {
	var b strings.Builder
	admin := "off"
	if s.admin != "" {
		admin = s.admin
	}
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n", admin)
	fmt.Fprint(&b, "\tlog default {\n\t\tlevel WARN\n\t}\n")
	if s.logsInfo {
		// not rolled: compressing old files would be counted as well
		fmt.Fprintf(&b, "\tlog callbacks {\n\t\tinclude http.handlers.tim_callback\n\t\toutput file %s {\n\t\t\troll_disabled\n\t\t}\n\t}\n", filepath.Join(dir, "callbacks.log"))
	}
	site := strings.NewReplacer("BACKEND", backend.addr, "OK", okAnswer).Replace(s.site)
	if s.plain {
		fmt.Fprintf(&b, "}\n\nhttp://%s {\n\t%s\n}\n", s.addr, site)
	} else {
		fmt.Fprintf(&b, "}\n\nhttps://%s {\n\ttls internal\n\t%s\n}\n", s.addr, site)
	}
	return b.String()
}

// start runs the server and waits until it gives the right answer.
func (s *server) start(ctx context.Context, caddy, dir, profile string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making its folder: %w", err)
	}
	if s.addr, err = freeAddress(); err != nil {
		return err
	}
	if s == ack && profile != "" {
		if s.admin, err = freeAddress(); err != nil {
			return err
		}
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(s.caddyfile(dir)), 0o600); err != nil {
		return fmt.Errorf("writing its Caddyfile: %w", err)
	}
	// taskset becomes the server, so that its process ID is the server's
	s.process = exec.Command("taskset", "-c", s.core, caddy, "run", "--config", config, "--adapter", "caddyfile")
	s.process.Env = append(os.Environ(), "GOMAXPROCS=1", "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	// Ctrl-C is for this program only, which stops the servers itself
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("starting the process: %w", err)
	}
	s.exited = make(chan error, 1)
	go func() { s.exited <- s.process.Wait() }()
	return s.awaitAnswer(ctx)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func (s *server) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // its certificate is its own
		DisableKeepAlives: true,
	}}
	for {
		err := s.probe(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case exit := <-s.exited:
			s.exited <- exit // for stop
			return fmt.Errorf("it has exited (%v) and said:\n%s", exit, &s.output)
		case <-ctx.Done():
			return fmt.Errorf("waiting for a right answer (%w): %w", err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// probe sends one callback: a server that is fast with a wrong answer must not
// be measured.
func (s *server) probe(ctx context.Context, client *http.Client) error {
	request, err := s.callback(ctx)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || string(body) != okAnswer:
		return fmt.Errorf("the answer is %s with the body %q", response.Status, body)
	}
	return nil
}

// callback is the sample callback to s, signed now.
func (s *server) callback(ctx context.Context) (*http.Request, error) {
	scheme := "https"
	if s.plain {
		scheme = "http"
	}
	return profile.NewRequest(ctx, scheme+"://"+s.addr+callbackPath, profile.Callback{
		SDKAppID: sdkAppID,
		Token:    token,
		Body:     []byte(sampleBody),
	})
}

// cpu is the CPU time, user and system, that the server has taken so far.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.process.Process.Pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of the server %s: %w", s.name, err)
	}
	// the second field, the name in parentheses, may hold anything
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc has an unknown format")
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the CPU time of the server %s: %w", s.name, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / time.Duration(ticksPerSecond()), nil
}

func ticksPerSecond() int64 {
	const usual = 100
	text, err := exec.Command("getconf", "CLK_TCK").Output()
	if err != nil {
		return usual
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
		return n
	}
	return usual
}

// stopAll stops all servers at once, those that do not obey by force.
func stopAll(servers []*server) {
	for _, s := range servers {
		if s.exited != nil {
			_ = s.process.Process.Signal(syscall.SIGTERM)
		}
	}
	deadline := time.After(5 * time.Second)
	for _, s := range servers {
		if s.exited == nil {
			continue
		}
		select {
		case <-s.exited:
		case <-deadline:
			_ = s.process.Process.Kill()
			<-s.exited
		}
	}
}
