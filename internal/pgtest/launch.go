package pgtest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// launch starts the server and waits until it accepts connections. A server that has no
// port yet gets one.
func (s *Server) launch() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	fixed := s.port != 0
	for attempt := 0; ; attempt++ {
		if !fixed {
			s.port = freePort()
		}
		clash := s.try()
		switch {
		case s.process != nil:
			return
		case !clash || fixed || attempt == 5:
			s.fatalf("it did not start at port %d", s.port)
		}
	}
}

// try starts the server once. If it ends again, it reports whether the port is why.
func (s *Server) try() (clash bool) {
	s.tb.Helper()
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer log.Close()
	before, err := log.Stat()
	if err != nil {
		s.tb.Fatal(err)
	}
	cmd := s.install.command("postgres", "-D", s.data(), "-p", strconv.Itoa(s.port))
	cmd.Stdout, cmd.Stderr = log, log
	p, err := start(cmd)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.process = p
	for deadline := time.Now().Add(limit); !s.ready(p.pid); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			s.process = nil
			text, _ := os.ReadFile(s.log())
			return bytes.Contains(text[min(int(before.Size()), len(text)):], []byte("Address already in use"))
		default:
		}
		if time.Now().After(deadline) {
			s.fatalf("it accepts no connections within %s", limit)
		}
	}
	return false
}

// ready reports whether the server says in its PID file that it accepts connections.
func (s *Server) ready(pid int) bool {
	lines := s.pidFile()
	return len(lines) >= 8 && lines[0] == strconv.Itoa(pid) && lines[7] == "ready"
}

// pidFile returns the lines of the server's PID file. See miscadmin.h of PostgreSQL for
// what they are.
func (s *Server) pidFile() []string {
	text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// freePort returns a TCP port of the loopback interface that nobody listens on now. It
// is below those that systems choose for connections, so that none takes it meanwhile.
func freePort() int {
	const lowest, highest = 15000, 32000
	for range 1000 {
		port := lowest + rand.IntN(highest-lowest)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	panic("no port is free")
}
