// Package pgtest gives tests real PostgreSQL servers of their own: primaries and their
// standbys, which a test can kill, pause and promote, and proxies before them that lose
// connections.
//
// The servers are child processes of the test. They die with it, whatever ends it.
// Everything that waits is limited in time, and ends the test with the end of the
// server's log. Methods are for the goroutine of the test, except [Server.Try], the
// control of whether a server runs, and a [Proxy].
package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// limit is how long this package waits for anything.
const limit = 30 * time.Second

// Server is a PostgreSQL server, which runs until the end of the test.
type Server struct {
	Name string // by which it is known to its primary, if it is a standby

	tb      testing.TB
	install *installation
	dir     string
	port    int
	primary *Server // of a standby
	through string  // address of its primary, if not the primary's own

	mu      sync.Mutex // for the rest
	process *process   // nil while it does not run
	paused  bool
}

// Start starts a new server with an empty database "postgres".
func Start(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	s := newServer(tb, "primary")
	all, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.install.run("/bin/cp", "-R", "-p", all.template(), s.data()); err != nil {
		tb.Fatal(err)
	}
	c := newConfig(options)
	s.add("postgresql.conf", c.lines())
	s.write("pg_hba.conf", c.hba())
	if c.tls {
		s.issue()
	}
	s.launch()
	return s
}

// newServer makes the folder of a server, which is removed at the end of the test.
func newServer(tb testing.TB, name string) *Server {
	tb.Helper()
	s := &Server{Name: name, tb: tb, install: installed(tb)}
	all, err := shared()
	if err == nil {
		s.dir, err = all.make(s.install, name)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the end of the log of PostgreSQL %s:\n%s", s.Name, s.LogTail())
		}
		s.Kill()
		if err := os.RemoveAll(s.dir); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Port returns the TCP port of the server. It stays the same over restarts.
func (s *Server) Port() int { return s.port }

// Address returns the address of the server, "127.0.0.1:<port>".
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// PID returns the process of the server, which is the parent of all its others. It is 0 while the
// server does not run.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.pid
}

// DSN returns the URL of a database, for the superuser.
func (s *Server) DSN(database string) string { return s.DSNOf(superuser, "", database) }

// DSNOf returns the URL of a database for a role. An empty password is none.
func (s *Server) DSNOf(role, password, database string) string {
	return DSNAt(s.Address(), role, password, database)
}

// DSNAt is like [Server.DSNOf] with another address than the server's own, such as that
// of a [Proxy].
func DSNAt(address, role, password, database string) string {
	u := url.URL{Scheme: "postgres", Host: address, Path: "/" + database, User: url.User(role), RawQuery: "sslmode=disable"}
	if password != "" {
		u.User = url.UserPassword(role, password)
	}
	return u.String()
}

// LogTail returns the last lines of the server's log.
func (s *Server) LogTail() string {
	log, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(log), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

func (s *Server) data() string       { return filepath.Join(s.dir, "data") }
func (s *Server) log() string        { return filepath.Join(s.dir, "log") }
func (s *Server) pausedFile() string { return filepath.Join(s.dir, "paused") }

// add appends to a file of the server's data folder.
func (s *Server) add(name, text string) {
	s.tb.Helper()
	old, err := os.ReadFile(filepath.Join(s.data(), name))
	if err != nil {
		s.tb.Fatal(err)
	}
	s.write(name, string(old)+text)
}

// write writes a file of the server's data folder, for the server's user.
func (s *Server) write(name, text string) {
	s.tb.Helper()
	path := filepath.Join(s.data(), name)
	err := os.WriteFile(path, []byte(text), 0o600)
	if err == nil && s.install.account != nil {
		err = os.Chown(path, s.install.account.uid, s.install.account.gid)
	}
	if err != nil {
		s.tb.Fatal(err)
	}
}

// fatalf ends the test, and shows the end of the server's log.
func (s *Server) fatalf(format string, args ...any) {
	s.tb.Helper()
	s.tb.Fatalf("PostgreSQL %s: %s\nThe end of its log:\n%s", s.Name, fmt.Sprintf(format, args...), s.LogTail())
}

// await waits until a condition holds.
func (s *Server) await(holds func() bool, format string, args ...any) {
	s.tb.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.fatalf("not within %s: %s", limit, fmt.Sprintf(format, args...))
		}
	}
}
