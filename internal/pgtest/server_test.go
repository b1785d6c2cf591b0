package pgtest

import (
	"context"
	"os"
	"strings"
	"testing"
)

func TestServer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Exec("CREATE TABLE a (n int)", "INSERT INTO a VALUES (1), (2)")
	if got := s.Query("SELECT n, n*n FROM a ORDER BY n"); got != "1|1\n2|4" {
		t.Fatalf("rows %q", got)
	}
	if _, err := s.Try(context.Background(), "postgres", "SELECT nothing"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("an invalid statement: %v", err)
	}
	if got := s.Query("SHOW fsync"); got != "on" {
		t.Fatalf("fsync is %s", got)
	}
	port := s.Port()

	// what was committed survives
	below, err := tree(s)
	if err != nil || len(below) == 0 {
		t.Fatalf("backends %v: %v", below, err)
	}
	s.Exec("INSERT INTO a VALUES (3)")
	s.Kill()
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range below {
		if e, ok := all[pid]; ok && !e.dead() {
			t.Fatalf("backend %d has survived: %+v", pid, e)
		}
	}
	if _, err := s.Try(context.Background(), "postgres", "SELECT 1"); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Kill() // does nothing
	s.Restart()
	if got := s.Query("SELECT count(*) FROM a"); got != "3" || s.Port() != port {
		t.Fatalf("%s rows at port %d instead of %d", got, s.Port(), port)
	}

	s.Restart()
	if got := s.Query("SELECT count(*) FROM a"); got != "3" {
		t.Fatalf("%s rows", got)
	}
	s.Stop()
	if _, err := os.Stat(s.data() + "/postmaster.pid"); err == nil {
		t.Fatal("a stopped server has a PID file")
	}
}

// tree returns the processes below the server's own.
func tree(s *Server) ([]int, error) {
	all, err := processes()
	return descendants(all, s.process.pid), err
}

func TestServerOptions(t *testing.T) {
	t.Parallel()
	s := Start(t, PasswordAuth(), TLS(), Set("work_mem", "5MB"), Set("application_name", "it's"),
		Access("hostnossl all secret 127.0.0.1/32 reject"))
	s.Exec("CREATE ROLE app LOGIN PASSWORD 'right'", "CREATE ROLE secret LOGIN PASSWORD 'right'")
	if got := s.Query("SELECT current_setting('work_mem')"); got != "5MB" {
		t.Fatalf("work_mem is %s", got)
	}
	verified := strings.NewReplacer("sslmode=disable", "sslmode=verify-full&sslrootcert="+s.Certificate())
	for _, test := range []struct{ dsn, want string }{
		{s.DSNOf("app", "right", "postgres"), ""},
		{s.DSNOf("app", "wrong", "postgres"), "password authentication failed"},
		{s.DSNOf("app", "", "postgres"), "no password supplied"},
		{s.DSNOf("secret", "right", "postgres"), "rejects connection"},
		{verified.Replace(s.DSNOf("secret", "right", "postgres")), ""},
	} {
		_, err := s.psql(context.Background(), test.dsn+"&passfile=/nonexistent", "SELECT 1")
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.dsn, err, test.want)
		}
	}
}
