package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Exec executes statements in the database "postgres", as the superuser. Each one is a
// transaction of its own.
func (s *Server) Exec(statements ...string) {
	s.tb.Helper()
	s.must(superuser, statements)
}

// ExecIn is Exec in another database.
func (s *Server) ExecIn(database string, statements ...string) {
	s.tb.Helper()
	s.must(database, statements)
}

// Query executes a statement in the database "postgres" and returns its rows, one in a
// line. Columns are separated by "|".
func (s *Server) Query(statement string) string {
	s.tb.Helper()
	return s.must(superuser, []string{statement})
}

// QueryIn is Query in another database.
func (s *Server) QueryIn(database, statement string) string {
	s.tb.Helper()
	return s.must(database, []string{statement})
}

func (s *Server) must(database string, statements []string) string {
	s.tb.Helper()
	out, err := s.Try(context.Background(), database, statements...)
	if err != nil {
		s.fatalf("%v", err)
	}
	return out
}

// Try executes statements as Exec does, but returns the error, for statements that may
// fail and for goroutines that must not end the test.
func (s *Server) Try(ctx context.Context, database string, statements ...string) (string, error) {
	return s.psql(ctx, s.DSN(database), statements...)
}

// psql executes statements at any address. It takes no longer than the limit.
func (s *Server) psql(ctx context.Context, dsn string, statements ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := []string{"-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn}
	for _, statement := range statements {
		args = append(args, "-c", statement)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.install.bin, "psql"), args...)
	cmd.Env, cmd.WaitDelay = environment(), time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(statements, "; "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimRight(stdout.String(), "\n"), err
}
