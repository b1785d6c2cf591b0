package postgres

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// FuzzAttempts reads records of attempts, and writes them again.
func FuzzAttempts(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"attempts":3,"refusals":1,"first":"2026-11-26T01:02:03.4Z","last":"2026-11-26T01:02:03.4Z","error":"status 503"}`, `{"error_bytes":"//4="}`, "null", "[1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var item queue.Item
		if decodeAttempts(text, &item) != nil {
			return
		}
		var again queue.Item
		if encoded := encodeAttempts(&item); encoded != nil {
			if err := decodeAttempts(*encoded, &again); err != nil {
				t.Fatalf("%q: %v", *encoded, err)
			}
		}
		if again.Attempts != item.Attempts || again.Refusals != item.Refusals || again.LastError != item.LastError || !again.Last.Equal(item.Last) && item.Last.Year() < 9999 {
			t.Errorf("%+v became %+v", item, again)
		}
	})
}

// FuzzTarget parses connection strings. An error must be one line, without the password.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"postgres://tim:secret@db/chat", "postgres://tim:sec/ret@db/chat?sslmode=x", "host=db password=secret port=x", "postgres://[::1]:5432/x?pool_max_conns=0",
		"host='a b' user=x", "postgresql:///chat?host=/tmp&connect_timeout=1", "postgres://a,b:1,c/d?target_session_attrs=any",
	} {
		f.Add(seed, "secret")
	}
	f.Fuzz(func(t *testing.T, dsn, password string) {
		if !utf8.ValidString(dsn) || strings.Contains(dsn, "service") || strings.Contains(dsn, "ssl") || strings.Contains(dsn, "passfile") {
			return // these read files
		}
		for _, hidden := range []bool{false, true} {
			target, err := parseTarget(dsn, hidden)
			if err == nil {
				if target.name() == "" || target.patience() < time.Second && target.config.ConnConfig.ConnectTimeout >= 0 {
					t.Errorf("%q: %s", dsn, target.name())
				}
				continue
			}
			if strings.Contains(err.Error(), "\n") || len(password) > 4 && strings.Contains(dsn, password) && strings.Contains(err.Error(), password) && !strings.Contains(example, password) {
				t.Errorf("%q: %v", dsn, err)
			}
		}
	})
}
