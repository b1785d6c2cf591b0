package pgtest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Standby starts a standby of s, which becomes known to it by a name. It has the
// settings of s, and those of the options. It waits until the standby streams. A standby
// waits for no other one, even if s does.
func (s *Server) Standby(name string, options ...Option) *Server {
	s.tb.Helper()
	b := newServer(s.tb, name)
	if err := s.install.run("pg_basebackup", "-d", s.DSN("postgres"), "-D", b.data(), "--checkpoint=fast", "-X", "stream", "--no-sync"); err != nil {
		s.fatalf("%v", err)
	}
	c := new(config)
	c.apply(options)
	b.primary, b.through = s, c.through
	b.write("standby.signal", "")
	b.add("postgresql.conf", c.lines())
	b.add("postgresql.auto.conf", fmt.Sprintf("primary_conninfo = %s\nsynchronous_standby_names = ''\n", quoted(b.conninfo())))
	b.launch()
	b.WaitStreaming()
	return b
}

// conninfo says how a standby reaches its primary.
func (s *Server) conninfo() string {
	address := s.primary.Address()
	if s.through != "" {
		address = s.through
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		s.tb.Fatal(err)
	}
	return fmt.Sprintf("host=%s port=%s user=%s application_name=%s sslmode=disable connect_timeout=5", host, port, superuser, s.Name)
}

// Follow makes a standby follow another primary, such as a standby that was promoted.
// It does not wait until the standby streams: where it is ahead of the new primary, it
// never will.
func (s *Server) Follow(primary *Server, options ...Option) {
	s.tb.Helper()
	c := new(config)
	c.apply(options)
	s.primary, s.through = primary, c.through
	s.Alter("primary_conninfo", s.conninfo())
}

// Promote makes a standby a primary, and waits until it is one.
func (s *Server) Promote() {
	s.tb.Helper()
	if got := s.Query(fmt.Sprintf("SELECT pg_promote(true, %d)", int(limit/time.Second))); got != "t" {
		s.fatalf("it was not promoted: %s", got)
	}
	s.await(func() bool { return s.Query("SELECT pg_is_in_recovery()") == "f" }, "it becomes a primary")
	s.primary = nil
}

// WaitStreaming waits until a standby has connected to its primary, and has got
// everything that the primary had written when it was called.
func (s *Server) WaitStreaming() {
	s.tb.Helper()
	if s.primary == nil {
		s.fatalf("it is no standby")
	}
	state := fmt.Sprintf("SELECT state FROM pg_stat_replication WHERE application_name = %s ORDER BY backend_start DESC LIMIT 1", quoted(s.Name))
	s.await(func() bool { return s.primary.Query(state) == "streaming" }, "it streams from %s", s.primary.Name)
	written := s.primary.FlushedLSN()
	s.await(func() bool { return s.ReceivedLSN() >= written }, "it gets what %s has written", s.primary.Name)
}

// WaitReplayed waits until a standby shows everything that its primary had written when
// it was called.
func (s *Server) WaitReplayed() {
	s.tb.Helper()
	if s.primary == nil {
		s.fatalf("it is no standby")
	}
	written := s.primary.FlushedLSN()
	s.await(func() bool { return s.lsn("pg_last_wal_replay_lsn()") >= written }, "it replays what %s has written", s.primary.Name)
}

// ReceivedLSN returns up to where a standby has its primary's log, durably.
func (s *Server) ReceivedLSN() uint64 {
	s.tb.Helper()
	return s.lsn("pg_last_wal_receive_lsn()")
}

// FlushedLSN returns up to where a primary has written its log, durably.
func (s *Server) FlushedLSN() uint64 {
	s.tb.Helper()
	return s.lsn("pg_current_wal_flush_lsn()")
}

func (s *Server) lsn(of string) uint64 {
	s.tb.Helper()
	got := s.Query(fmt.Sprintf("SELECT coalesce(pg_wal_lsn_diff(%s, '0/0'), 0)", of))
	n, err := strconv.ParseUint(got, 10, 64)
	if err != nil {
		s.fatalf("%s is %s", of, got)
	}
	return n
}

// Synchronous lets commits wait until any one of these standbys has them durably.
// Without names they wait for none.
func (s *Server) Synchronous(names ...string) {
	s.tb.Helper()
	var value string
	if len(names) > 0 {
		value = fmt.Sprintf(`ANY 1 ("%s")`, strings.Join(names, `","`))
	}
	s.Alter("synchronous_standby_names", value)
	// Commits heed it only once the checkpointer has seen it, which looks at its
	// settings before it makes the checkpoint that it is asked for.
	s.Exec("CHECKPOINT")
}

// Alter changes a setting of the running server, one that needs no restart, and waits
// until new connections have it.
func (s *Server) Alter(name, value string) {
	s.tb.Helper()
	before := s.Query("SELECT pg_conf_load_time()")
	s.Exec(fmt.Sprintf("ALTER SYSTEM SET %s = %s", name, quoted(value)), "SELECT pg_reload_conf()")
	reloaded := fmt.Sprintf("SELECT pg_conf_load_time() > %s", quoted(before))
	s.await(func() bool { return s.Query(reloaded) == "t" }, "%s becomes %s", name, value)
}
