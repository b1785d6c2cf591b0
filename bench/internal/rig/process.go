package rig

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
	"strconv"
	"syscall"
	"time"
)

// Start runs the server, from the Caddy binary and with its files in dir, and waits
// until it gives the right answer.
func (s *Server) Start(ctx context.Context, caddy, dir string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making its folder: %w", err)
	}
	if s.Addr, err = FreeAddress(); err != nil {
		return err
	}
	if s.HasAdmin {
		if s.Admin, err = FreeAddress(); err != nil {
			return err
		}
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(s.caddyfile(dir)), 0o600); err != nil {
		return fmt.Errorf("writing its Caddyfile: %w", err)
	}
	command := []string{caddy, "run", "--config", config, "--adapter", "caddyfile"}
	if s.Core != "" {
		// taskset becomes the server, so that its process ID is the server's
		command = append([]string{"taskset", "-c", s.Core}, command...)
	}
	s.process = exec.Command(command[0], command[1:]...)
	s.process.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(max(s.Procs, 1)), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
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

// FreeAddress is one of this machine that nobody listens on.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func (s *Server) awaitAnswer(ctx context.Context) error {
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
func (s *Server) gone() error {
	select {
	case exit := <-s.exited:
		s.exited <- exit // for StopAll
		return fmt.Errorf("it has ended (%s) and said:\n%s", s.process.ProcessState, &s.output)
	default:
		return nil
	}
}

// probe sends one callback: a server that is fast with a wrong answer must not
// be measured.
func (s *Server) probe(ctx context.Context, client *http.Client) error {
	return s.Send(ctx, client, []byte(sampleBody))
}

// Send sends a callback. Anything but the right answer is an error.
func (s *Server) Send(ctx context.Context, client *http.Client, body []byte) error {
	request, err := s.Callback(ctx, body)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || string(answer) != okAnswer:
		return fmt.Errorf("the answer is %s with the body %q", response.Status, answer)
	}
	return nil
}

// StopAll stops all servers at once, those that do not obey by force.
func StopAll(servers []*Server) {
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
