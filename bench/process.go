package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// start runs the server, with an admin endpoint or without, and waits until it
// gives the right answer.
func (s *server) start(ctx context.Context, caddy, dir string, admin bool) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making its folder: %w", err)
	}
	if s.addr, err = freeAddress(); err != nil {
		return err
	}
	if admin {
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
		if gone := s.gone(); gone != nil {
			return gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for a right answer (%w): %w", err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// gone is an error that says how the server has ended, if it has.
func (s *server) gone() error {
	select {
	case exit := <-s.exited:
		s.exited <- exit // for stopAll
		return fmt.Errorf("it has ended (%s) and said:\n%s", s.process.ProcessState, &s.output)
	default:
		return nil
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

// stopAll stops all servers at once, those that do not obey by force.
func stopAll(servers []*server) {
	for _, s := range servers {
		if s.exited != nil {
			_ = s.process.Process.Signal(syscall.SIGTERM)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		if s.exited == nil {
			continue
		}
		select {
		case <-s.exited:
		case <-ctx.Done():
			_ = s.process.Process.Kill()
			<-s.exited
		}
	}
}
