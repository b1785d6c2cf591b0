package postgres

import (
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// TestRightsAreRevoked: as long as only storing fails, the server counts as down all the time, and as up as
// soon as it works again.
func TestRightsAreRevoked(t *testing.T) {
	server := pgtest.Start(t, pgtest.PasswordAuth())
	server.Exec("CREATE ROLE owner LOGIN PASSWORD 'x'", "GRANT CREATE ON DATABASE postgres TO owner", "CREATE ROLE tim LOGIN PASSWORD 'x'")
	q := newQueue(t, server.DSNOf("owner", "x", "postgres"))
	if err := q.open().Close(); err != nil {
		t.Fatal(err)
	}
	const tables = "ON ALL TABLES IN SCHEMA tim_callback"
	server.Exec("GRANT USAGE ON SCHEMA tim_callback TO tim", "GRANT SELECT, INSERT, UPDATE, DELETE "+tables+" TO tim", "GRANT USAGE ON ALL SEQUENCES IN SCHEMA tim_callback TO tim")
	q.dsn = server.DSNOf("tim", "x", "postgres")
	core, logs := observer.New(zapcore.InfoLevel)
	q.change = func(o *options) { o.Logger = zap.New(core) }
	s := q.open()
	q.put(s, "a0", "a")
	server.Exec("REVOKE INSERT ON tim_callback.event FROM tim")
	q.put(s, "a1", "a")
	end := time.Now().Add(2 * time.Second)
	for time.Now().Before(end) {
		if s.health.isUp() {
			t.Fatal("the server counts as up")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if s.Counts().Spooled != 1 {
		t.Errorf("%+v", s.Counts())
	}
	lines := logs.FilterMessageSnippet("events are kept on the disk").All()
	if len(lines) != 1 || !strings.Contains(lines[0].ContextMap()["error"].(string), "lacks rights") {
		t.Errorf("logged %v", lines)
	}
	server.Exec("GRANT INSERT ON tim_callback.event TO tim")
	q.eventually("the spool is empty", func() bool { return s.Counts().Spooled == 0 && s.health.isUp() })
	q.deliver(s, "a0", "a1")
}

// TestUpWithoutEvents: without a spool, a server that has failed to store events counts as up again although
// none come.
func TestUpWithoutEvents(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	q.spool = ""
	var mu sync.Mutex
	var told []error
	q.change = func(o *options) {
		o.OnError = func(err error) { mu.Lock(); defer mu.Unlock(); told = append(told, err) }
	}
	s := q.open()
	q.put(s, "a0", "a")
	server.Exec("ALTER TABLE tim_callback.event RENAME TO hidden")
	if _, err := s.Put(t.Context(), eventOf("a1", "a")); err == nil {
		t.Error("it is stored")
	}
	server.Exec("ALTER TABLE tim_callback.hidden RENAME TO event")
	q.eventually("it is up", s.health.isUp)
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v", told)
	}
}
