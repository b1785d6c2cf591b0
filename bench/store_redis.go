package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// redisStore is a Redis process with a connection for each sender.
type redisStore struct {
	*rig.Process
	conns []*redisConn
}

type redisConn struct {
	net.Conn
	answers *bufio.Reader
	request []byte
}

func openRedis(ctx context.Context, dir string, senders int) (store, error) {
	socket := filepath.Join(dir, "redis.sock")
	process, err := rig.StartProcess(nil, "redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no",
		"--auto-aof-rewrite-percentage", "0") // rewriting the file would be counted as well
	if err != nil {
		return nil, err
	}
	s := &redisStore{Process: process}
	if err := s.connect(ctx, socket, senders); err != nil {
		_ = s.close()
		return nil, errors.Join(err, s.Gone())
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
		if s.Gone() != nil {
			return errors.New("redis-server has ended")
		}
		if done := rig.Sleep(ctx, 20*time.Millisecond); done != nil {
			return fmt.Errorf("connecting to redis-server (%w): %w", err, done)
		}
	}
	return nil
}

// put sends XADD events * id … key … payload … and waits for the answer, which
// comes after the fsync.
func (s *redisStore) put(_ context.Context, sender int, e rig.Event) error {
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

func (s *redisStore) cpu() (time.Duration, error) { return s.CPU() }

func (s *redisStore) close() error {
	for _, c := range s.conns {
		_ = c.Close()
	}
	rig.Stop(s.Process)
	return nil
}
