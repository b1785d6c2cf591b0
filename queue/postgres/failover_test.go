package postgres

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// TestHosts checks in which order hosts are tried.
func TestHosts(t *testing.T) {
	target, err := parseTarget("postgres://tim@a:1,b:2,c:3/chat?sslmode=prefer", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a b c", "b c a", "c a b", "a b c"} {
		hosts := target.hosts()
		var got []string
		for _, h := range hosts {
			got = append(got, h.Host)
			if len(h.Fallbacks) != 1 || h.Fallbacks[0].Host != h.Host || h.TLSConfig == nil || h.Fallbacks[0].TLSConfig != nil {
				t.Errorf("%s is not tried with TLS and then without", h.Host)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("they are tried as %s, want %s", got, want)
		}
		target.reached(hosts[1])
	}
}

// TestFormerPrimary has two primaries at once, as when the one that has failed comes back and nobody stops it.
func TestFormerPrimary(t *testing.T) {
	old := pgtest.Start(t)
	standby := old.Standby("one")
	way := pgtest.NewProxy(t, old.Address())
	q := newQueue(t, "postgres://postgres@"+way.Addr()+","+standby.Address()+"/postgres?sslmode=disable")
	s := q.open()
	leadsTo := func() string {
		t.Helper()
		w, err := s.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		var port string
		if err := w.QueryRow(t.Context(), "SELECT current_setting('port')").Scan(&port); err != nil {
			t.Fatal(err)
		}
		return port
	}
	_, oldPort, _ := strings.Cut(old.Address(), ":")
	_, newPort, _ := strings.Cut(standby.Address(), ":")
	if port := leadsTo(); port != oldPort {
		t.Fatalf("a connection leads to %s", port)
	}
	q.put(s, "a", "key")
	standby.WaitStreaming()
	way.Cut()
	standby.Promote()
	q.put(s, "b", "key") // at first into the spool
	q.eventually("the store uses the new primary", func() bool { return standby.Query("SELECT count(*) FROM tim_callback.event") == "2" })
	way.Heal()
	s.target.Load().last.Store(0) // the old one is tried first
	if port := leadsTo(); port != newPort {
		t.Errorf("a connection leads to the former primary at %s", port)
	}
	q.deliver(s, "a", "b")
}
