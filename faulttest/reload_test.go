package faulttest

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// Reloads under load, while the backend goes down and up: every callback is answered OK, and nothing is
// delivered twice.
func TestReload(t *testing.T) {
	chance := chance(t)
	n := 20
	if testing.Short() {
		n = 5
	}
	b := newBackend(t)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 40)
	l.resend = true // when a listener is closed, new connections may break before anything is read from them
	l.start()
	stop := b.flap(chance)
	for i := range n {
		s.workers = 1 + chance.IntN(16)
		s.timeout = fmt.Sprint(1+chance.IntN(5), "s")
		s.extra = fmt.Sprintf("header X-Reload %d", i)
		if err := s.reload(); err != nil {
			t.Fatalf("reload %d: %v", i, err)
		}
		time.Sleep(between(chance, 0, 200*time.Millisecond))
	}
	stop()
	l.stop()
	s.mustEmpty()
	l.mustRefuseNone()
	check(t, l, b, nil)
	runs := make(map[int]bool)
	for _, a := range b.arrivals() {
		runs[a.run] = true
	}
	t.Logf("%d of %d configurations delivered", len(runs), n+1)
	if len(runs) < 2 {
		t.Error("the new configurations delivered nothing")
	}
}

// A reload that fails changes nothing, whether the configuration is wrong or cannot be started.
func TestFailedReload(t *testing.T) {
	b := newBackend(t)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 20)
	l.resend = true
	l.start()

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	elsewhere := fmt.Sprintf(`
http://localhost:%d {
	tim_callback %s %s {
		queue {
			deliver {
				respond 200
			}
			%%s
		}
	}
}`, caddytest.FreePort(), sdkAppID, token)
	good := s.run
	for _, test := range []struct {
		name, sites string
		times       int
	}{
		{"no Caddyfile", "{", 1},
		{"contradictory queue", fmt.Sprintf(elsewhere, "workers 3"), 2},
		{"two queues in one file", fmt.Sprintf("\nhttp://localhost:%d {\n\ttim_callback %s %s {\n\t\tqueue other {\n\t\t\tstore file %s\n\t\t\tdeliver {\n\t\t\t\trespond 200\n\t\t\t}\n\t\t}\n\t}\n}", caddytest.FreePort(), sdkAppID, token, s.path), 2},
		// Caddy starts apps in a random order, so this is tried several times
		{"an address that is taken", fmt.Sprintf("\nhttp://localhost:%d {\n\tbind 127.0.0.1\n}", busy.Addr().(*net.TCPAddr).Port), 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			former := *s
			s.sites, s.workers = test.sites, 3
			for range test.times {
				if err := s.reload(); err == nil {
					t.Fatal("the configuration was accepted")
				} else {
					t.Log(err)
				}
				failed := s.run
				// all users go on, and the previous configuration delivers
				before := b.count(func(a *arrival) bool { return a.taken && a.run == good })
				caddytest.Within(t, 10*time.Second, func() bool {
					return b.count(func(a *arrival) bool { return a.taken && a.run == good }) > before+100
				}, "the previous configuration delivers again")
				n := b.count(func(a *arrival) bool { return a.run == failed })
				time.Sleep(50 * time.Millisecond)
				if m := b.count(func(a *arrival) bool { return a.run == failed }); m > n {
					t.Errorf("the configuration that failed goes on delivering: %d, then %d", n, m)
				}
			}
			s.sites, s.workers = former.sites, former.workers
		})
	}
	l.stop()
	s.mustEmpty()
	l.mustRefuseNone()
	check(t, l, b, nil)
}
