package postgres

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

const password = "top/secret"

// provision returns a module that is set up from Caddyfile tokens.
func provision(config string) (*Module, error) {
	m := new(Module)
	d := caddyfile.NewTestDispenser(config)
	if err := m.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return m, m.Provision(caddy.Context{})
}

func TestOptions(t *testing.T) {
	t.Setenv("TIM_DSN", "postgres://tim:top%2Fsecret@db.example:5433,db2.example/chat")
	t.Setenv("TIM_DIR", t.TempDir())
	t.Setenv("PGDATABASE", "fromenv")
	for _, tc := range []struct {
		config, location, place, spool string
		lease                          time.Duration
	}{
		{
			"postgres postgres://tim@db.example/chat", "PostgreSQL, db.example:5432, database chat, schema tim_callback, queue q", "",
			filepath.Join(caddy.AppDataDir(), "tim_callback", "q.db"), 10 * time.Second,
		},
		{
			"postgres {env.TIM_DSN} {\nschema other\nspool off\nlease 3s\nmigrations off\n}",
			"PostgreSQL, db.example:5433 and db2.example:5432, database chat, schema other, queue q", "PostgreSQL, schema other, queue q", "", 3 * time.Second,
		},
		{
			"postgres {\ndsn \"host=db.example user=tim\"\nspool {env.TIM_DIR}/s.db\n}",
			"PostgreSQL, db.example:5432, database fromenv, schema tim_callback, queue q", "", filepath.Join(caddy.NewReplacer().ReplaceAll("{env.TIM_DIR}", ""), "s.db"), 10 * time.Second,
		},
	} {
		m, err := provision(tc.config)
		if err != nil {
			t.Errorf("%s: %v", tc.config, err)
			continue
		}
		place := tc.place
		if place == "" {
			place = tc.location
		}
		if m.Location("q") != tc.location || m.Place("q") != place || m.spoolPath("q") != tc.spool || time.Duration(m.Lease) != tc.lease {
			t.Errorf("%s: %s, %s, spool %s, lease %s", tc.config, m.Location("q"), m.Place("q"), m.spoolPath("q"), time.Duration(m.Lease))
		}
	}
}

// TestBadOptions checks that errors say what is wrong, and have no part of a password.
func TestBadOptions(t *testing.T) {
	t.Setenv("TIM_DSN", "postgres://tim:"+password+"@db.example/chat")
	t.Setenv("TIM_CA", "host=db.example sslmode=verify-full sslrootcert=/topsecret/ca.pem")
	t.Setenv("TIM_PORT", "host=db.example port=topsecret")
	for _, tc := range []struct{ config, want string }{
		{"postgres postgres://tim:top/secret@db.example/chat", "percent-encoded"},
		{"postgres postgres://tim:topsecret@db.example:port/chat", "percent-encoded"},
		{"postgres {env.TIM_DSN}", "percent-encoded"},
		{"postgres {env.TIM_PORT}", "it is not a connection string"},
		{"postgres \"host=db.example password=topsecret sslmode=perhaps\"", "failed to configure TLS"},
		{"postgres postgres://db.example/chat?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "open /nowhere/ca.pem: no such file"},
		{"postgres {env.TIM_CA}", "a file that it names cannot be read: no such file"},
		{"postgres {env.TIM_NOT_SET}", "{env.TIM_NOT_SET}"},
		{"postgres a b", "wrong number of arguments"},
		{"postgres postgres://db.example {\ndsn postgres://db.example\n}", "dsn is set twice"},
		{"postgres {\nschema a\nschema b\n}", "schema is set twice"},
		{"postgres {\nschema\n}", "schema: wrong number of arguments"},
		{"postgres {\nnothing x\n}", "unknown option nothing"},
		{"postgres {\nmigrations on\n}", `only "off"`},
		{"postgres {\nlease soon\n}", "lease is not a duration"},
		{"postgres {\nlease 10ms\n}", "lease: 10ms is shorter than 1s"},
		{"postgres {\nschema a.b\n}", "schema: a name has"},
		{"postgres {\nspool {env.TIM_NOT_SET}/s.db\n}", "spool: a placeholder in it"},
	} {
		_, err := provision(tc.config)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.config, err, tc.want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tc.config, err)
		}
	}
}

// TestBadServers opens queues on servers that refuse. What waiting cannot help is an error; otherwise the
// store opens, and says what is wrong.
func TestBadServers(t *testing.T) {
	server := pgtest.Start(t, pgtest.PasswordAuth())
	server.Exec("CREATE ROLE tim LOGIN PASSWORD 'top/secret'", "CREATE ROLE reader LOGIN PASSWORD 'top/secret'")
	server.Exec("CREATE DATABASE newer", "CREATE DATABASE readonly")
	server.ExecIn("newer", "GRANT CREATE ON DATABASE newer TO tim")
	server.ExecIn("readonly", "ALTER DATABASE readonly SET default_transaction_read_only = on")
	dsn := func(user, password, database string) string { return server.DSNOf(user, password, database) }
	if s, err := newQueue(t, dsn("tim", password, "newer")).tryOpen(); err != nil {
		t.Fatal(err)
	} else if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	server.ExecIn("newer", "UPDATE tim_callback.version SET version = 99")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	for _, tc := range []struct {
		name, dsn string
		change    func(*options)
		permanent bool
		want      []string
	}{
		{"wrong password", dsn("tim", "not/"+password, "newer"), nil, true, []string{"refuses the user or the password", "database newer"}},
		{"no database", dsn("tim", password, "nowhere"), nil, true, []string{"the database does not exist", "database nowhere"}},
		{"no rights", dsn("reader", password, "postgres"), nil, true, []string{"lacks rights in schema tim_callback"}},
		{"no rights on tables", dsn("reader", password, "newer"), nil, true, []string{"lacks rights in schema tim_callback"}},
		{"newer tables", dsn("tim", password, "newer"), nil, true, []string{"version 99", "update its module"}},
		{"no tables", dsn("tim", password, "newer"), func(o *options) { o.schema, o.migrations = "other", false }, true, []string{"schema other has no tables", "schema/1.sql"}},
		{"read-only", dsn("tim", password, "readonly"), nil, false, []string{"read-only standby", "database readonly"}},
		{"no server", "postgres://tim:top%2Fsecret@" + nobody + "/chat?sslmode=disable", nil, false, []string{"does not answer", nobody, "database chat", "refused"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := newQueue(t, tc.dsn)
			q.spool = ""
			told := make(chan error, 1)
			q.change = func(o *options) {
				o.OnError = func(err error) {
					select {
					case told <- err:
					default:
					}
				}
				if tc.change != nil {
					tc.change(o)
				}
			}
			s, err := q.tryOpen()
			if _, permanent := errors.AsType[permanentError](err); permanent != tc.permanent {
				t.Fatalf("permanent: %v, %v", permanent, err)
			}
			if err == nil {
				err = <-told
				if _, err := s.Put(t.Context(), queue.Event{ID: "a", Key: "a"}); !errors.Is(err, queue.ErrUnavailable) {
					t.Errorf("put: %v", err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
		})
	}
}
