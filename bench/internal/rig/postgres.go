package rig

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// Postgres is a PostgreSQL server with an empty database, in the temporary folder ($TMPDIR). It has the
// default settings, fsync among them, but more shared buffers and connections, and no checkpoint
// before [Postgres.Settle] makes one.
type Postgres struct {
	*pgtest.Server
	tb harness
}

// StartPostgres starts a server.
func StartPostgres() (*Postgres, error) {
	p := new(Postgres)
	err := p.tb.run(func() {
		p.Server = pgtest.Start(&p.tb, pgtest.Set("shared_buffers", "512MB"), pgtest.Set("max_connections", "200"),
			pgtest.Set("min_wal_size", "1GB"), pgtest.Set("max_wal_size", "16GB"), pgtest.Set("checkpoint_timeout", "1h"),
			pgtest.Set("wal_keep_size", "0"))
		// a server that has run for a while reuses the files of its log, which is faster than making new ones
		p.Exec("SELECT count(pg_logical_emit_message(false, 'bench', repeat(' ', 16000000))) FROM generate_series(1, 60)", "CHECKPOINT")
	})
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", errors.Join(err, p.Close()))
	}
	return p, nil
}

// URL is the connection string of the database.
func (p *Postgres) URL() string { return p.DSN("postgres") }

// Settle lets the server write everything, so that it does not do that during a round.
func (p *Postgres) Settle(ctx context.Context) error {
	return p.Run(ctx, "CHECKPOINT")
}

// Run executes a statement, however long that takes.
func (p *Postgres) Run(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// CPU is the user and system time of all processes of the server until now.
func (p *Postgres) CPU() (total time.Duration, err error) {
	pids, err := p.pids()
	if err != nil {
		return 0, err
	}
	for i, pid := range pids {
		fields, err := processStat(pid)
		if err != nil && i > 0 {
			continue // it has ended: its time is among that of the children of the first one
		}
		if err != nil {
			return 0, err
		}
		times := fields[11:13]
		if i == 0 {
			times = fields[11:15]
		}
		used, err := sumTicks(times)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

// Pin pins the server to a core, or to all of them.
func (p *Postgres) Pin(core string) error {
	var set unix.CPUSet
	if core == AllCores {
		set.Fill()
	} else {
		n, err := strconv.Atoi(core)
		if err != nil {
			return err
		}
		set.Set(n)
	}
	pids, err := p.pids()
	if err != nil {
		return err
	}
	for _, pid := range pids { // the first one is the parent of all that are to come
		if err := unix.SchedSetaffinity(pid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("pinning PostgreSQL to core %s: %w", core, err)
		}
	}
	return nil
}

// pids returns the server's own process and its children.
func (p *Postgres) pids() ([]int, error) {
	root := p.PID()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	pids := []int{root}
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if fields, err := processStat(pid); err == nil && fields[1] == strconv.Itoa(root) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Close kills the server and removes its files.
func (p *Postgres) Close() error { return p.tb.close() }

// harness is the part of [testing.TB] that pgtest needs.
type harness struct {
	testing.TB
	cleanups []func()
	err      error
}

// run calls a function that may end its goroutine, as a test does that fails.
func (h *harness) run(f func()) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	<-ended
	return h.err
}

func (h *harness) close() error {
	before := h.err
	err := h.run(func() {
		for _, cleanup := range slices.Backward(h.cleanups) {
			cleanup()
		}
	})
	if err == before {
		return nil
	}
	return err
}

func (h *harness) Helper()          {}
func (h *harness) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }
func (h *harness) Failed() bool     { return false } // the errors have the end of the server's log
func (h *harness) Error(args ...any) {
	h.err = errors.New(strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
}
func (h *harness) Errorf(format string, args ...any) { h.Error(fmt.Sprintf(format, args...)) }
func (h *harness) Logf(string, ...any)               {}

func (h *harness) Fatal(args ...any) {
	h.Error(args...)
	runtime.Goexit()
}

func (h *harness) Fatalf(format string, args ...any) { h.Fatal(fmt.Sprintf(format, args...)) }
func (h *harness) Skipf(format string, args ...any)  { h.Fatal(fmt.Sprintf(format, args...)) }
