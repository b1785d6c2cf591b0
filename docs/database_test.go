package docs

import (
	"cmp"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// database returns the PostgreSQL of this sandbox, which starts when it is first needed. From then on its
// address is in place of those on the pages, and the files that they name are there.
func (s *sandbox) database() *pgtest.Server {
	s.t.Helper()
	if s.postgres != nil {
		return s.postgres
	}
	s.postgres = pgtest.Start(s.t, pgtest.PasswordAuth(), pgtest.TLS())
	certificate, err := os.ReadFile(s.postgres.Certificate())
	if err == nil {
		err = os.WriteFile(s.etc("postgres-ca.crt"), certificate, 0o600)
	}
	if err == nil {
		err = os.WriteFile(s.etc("postgres-password"), []byte("secret\n"), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	address := net.JoinHostPort("localhost", strconv.Itoa(s.postgres.Port()))
	s.replace("db1.example.com,db2.example.com", address, "db1.example.com", address)
	return s.postgres
}

// needDatabase makes the role and the database that a configuration uses, unless a page has made them.
func (s *sandbox) needDatabase(config string) {
	s.t.Helper()
	server := s.database()
	role, database := "tim_caddy", "tim"
	byHand := strings.Contains(config, "migrations off")
	if byHand {
		role, database = "tim_app", "tim2"
	}
	if server.Query("SELECT count(*) FROM pg_roles WHERE rolname = '"+role+"'") != "0" {
		return
	}
	server.Exec("CREATE ROLE "+role+" LOGIN PASSWORD 'secret'", "CREATE DATABASE "+database+" OWNER "+role)
	if byHand {
		s.makeTables(database + "/" + role)
	}
}

// query executes the statements of a block in a database, as the superuser or as another role:
// "<database>[/<role>]".
func (s *sandbox) query(where, text string) {
	s.t.Helper()
	server := s.database()
	database, role, _ := strings.Cut(where, "/")
	statements := []string{"SET ROLE " + cmp.Or(role, "postgres")}
	for statement := range strings.SplitSeq(strings.TrimSpace(text), ";\n") {
		statements = append(statements, strings.TrimSuffix(statement, ";"))
	}
	var err error
	if s.output, err = server.Try(s.t.Context(), database, statements...); err != nil {
		s.t.Fatal(err)
	}
}

// makeTables makes the tables as the SQL file says that is shipped, in a database and as a role.
func (s *sandbox) makeTables(where string) {
	s.t.Helper()
	database, role, _ := strings.Cut(where, "/")
	if _, err := s.database().Try(s.t.Context(), database, "SET ROLE "+role, read(s.t, "../queue/postgres/schema/1.sql")); err != nil {
		s.t.Fatal(err)
	}
}

// spooled waits until so many events are on Caddy's own disk.
func (s *sandbox) spooled(n int) {
	s.t.Helper()
	caddytest.Eventually(s.t, func() bool { return caddytest.QueueOf(s.t, s.admin, "default").Spooled == n }, "%d events are in the spool", n)
}
