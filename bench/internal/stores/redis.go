package stores

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// redisStore is a Redis of its own with a connection for each sender.
type redisStore struct {
	process *exec.Cmd
	output  bytes.Buffer
	exited  chan error
	conns   []*redisConn
}

type redisConn struct {
	net.Conn
	answers *bufio.Reader
	request []byte
}

func openRedis(ctx context.Context, dir string, senders int) (store, error) {
	s := &redisStore{exited: make(chan error, 1)}
	socket := filepath.Join(dir, "redis.sock")
	s.process = exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no",
		"--auto-aof-rewrite-percentage", "0") // it would be counted as well
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	// Ctrl-C is for this program only, which stops it itself
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	go func() { s.exited <- s.process.Wait() }()
	if err := s.connect(ctx, socket, senders); err != nil {
		return nil, errors.Join(err, s.close(), fmt.Errorf("redis-server said:\n%s", &s.output))
	}
	return s, nil
}

func (s *redisStore) connect(ctx context.Context, socket string, senders int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for len(s.conns) < senders {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err == nil {
			s.conns = append(s.conns, &redisConn{Conn: conn, answers: bufio.NewReader(conn)})
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("connecting to redis-server (%w): %w", err, ctx.Err())
		case exit := <-s.exited:
			s.exited <- exit // for close
			return errors.New("redis-server has ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// put sends XADD events * id … key … payload … and waits for the answer, which
// comes after the fsync.
func (s *redisStore) put(_ context.Context, sender int, e queue.Event) error {
	c := s.conns[sender]
	c.request = append(c.request[:0], "*9\r\n"...)
	for _, word := range []string{"XADD", "events", "*", "id", e.ID, "key", e.Key, "payload"} {
		c.request = append(appendLength(c.request, len(word)), word...)
		c.request = append(c.request, "\r\n"...)
	}
	c.request = append(appendLength(c.request, len(e.Payload)), e.Payload...)
	c.request = append(c.request, "\r\n"...)
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	// $<length> and the entry's ID, or -<error>
	line, err := c.answers.ReadSlice('\n')
	switch {
	case err != nil:
		return err
	case line[0] != '$':
		return fmt.Errorf("redis-server answers %q", line)
	}
	_, err = c.answers.ReadSlice('\n')
	return err
}

func appendLength(b []byte, n int) []byte {
	return append(strconv.AppendInt(append(b, '$'), int64(n), 10), "\r\n"...)
}

func (s *redisStore) cpu() (time.Duration, error) { return rig.ProcessTime(s.process.Process.Pid) }

func (s *redisStore) close() error {
	for _, c := range s.conns {
		_ = c.Close()
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(5 * time.Second):
		_ = s.process.Process.Kill()
		<-s.exited
	}
	return nil
}
