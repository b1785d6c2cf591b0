package nodes

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// TestFailover is case 2: the primary is killed under load, and the standby that has received the most takes
// over. Nothing that was answered OK is lost, also by a node without a spool.
func TestFailover(t *testing.T) {
	f := newFleet(t, 2, 12)
	f.startPair()
	f.start()
	f.more(200, nil)
	f.primary.Kill()
	f.promote()
	f.more(200, func(a answer) bool { return a.node == "without" })
	f.settle(allowed{spool: true, again: 2 * len(f.list)})
}

// TestPausedPrimary is case 3: the primary is stopped where it is, and goes on after another one has taken
// over. It acknowledges nothing any more, since no standby follows it, and the nodes move over.
func TestPausedPrimary(t *testing.T) {
	needLong(t)
	f := newFleet(t, 2, 12)
	f.startPair()
	f.start()
	f.more(200, nil)
	old := f.primary
	old.Pause()
	paused := time.Now()
	f.promote()
	promoted := time.Now()
	f.more(200, func(a answer) bool { return a.node == "without" })
	t.Logf("the promotion took %s, and until the nodes had moved over it took %s", promoted.Sub(paused), time.Since(promoted))
	old.Resume()
	f.more(200, nil)
	if n := f.count(func(a answer) bool {
		return a.node == "without" && a.isOK() && a.began.After(paused) && a.ended.Before(promoted)
	}); n > 0 {
		t.Errorf("%d callbacks were answered OK while there was no primary", n)
	}
	f.stop()
	f.mustNotConfirm(old)
	f.settle(allowed{spool: true, again: 2 * len(f.list)})
}

// mustNotConfirm checks that a node which reaches nothing but the former primary answers nothing OK.
func (f *fleet) mustNotConfirm(old *pgtest.Server) {
	f.t.Helper()
	stray := f.node("stray")
	stray.spool = "spool off"
	stray.proxies = []*pgtest.Proxy{pgtest.NewProxy(f.t, old.Address())}
	stray.start()
	stray.serving.Store(false)
	for n := range 5 {
		if got, err := f.sendTo(stray, n, bodyOf("stray", n)); err != nil || got.isOK() {
			f.t.Errorf("the former primary has acknowledged a callback, or it was not answered: %v", err)
		}
	}
	stray.kill()
}

// TestPausedStandbys is case 4: both standbys are stopped where they are. The database acknowledges nothing:
// a node without a spool answers 503, and one with a spool keeps the events until a standby goes on.
func TestPausedStandbys(t *testing.T) {
	f := newFleet(t, 2, 12)
	_, with := f.startPair()
	f.start()
	f.more(100, nil)
	for _, s := range f.standbys {
		s.Pause()
	}
	paused := time.Now()
	f.more(50, func(a answer) bool { return a.began.After(paused) })
	spooled := with.spooled()
	resumed := time.Now()
	for _, s := range f.standbys {
		s.Resume()
	}
	f.more(100, func(a answer) bool { return a.node == "without" })
	if n := f.count(func(a answer) bool {
		return a.node == "without" && a.isOK() && a.began.After(paused) && a.ended.Before(resumed)
	}); n > 0 {
		t.Errorf("the database has acknowledged %d while no standby confirmed them", n)
	}
	if spooled < 50 {
		t.Errorf("%d were spooled", spooled)
	}
	f.settle(allowed{spool: true, again: 2 * len(f.list)})
}
