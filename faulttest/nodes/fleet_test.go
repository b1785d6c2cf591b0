package nodes

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// fleet is all that a test runs: servers, nodes, a backend and users.
type fleet struct {
	t        *testing.T
	primary  *pgtest.Server
	standbys []*pgtest.Server
	backend  *backend
	*users
}

// newFleet starts a primary and its standbys. Its commits wait for any one of them.
func newFleet(t *testing.T, standbys, users int) *fleet {
	t.Helper()
	pgtest.Need(t)
	t.Parallel()
	f := &fleet{t: t, primary: pgtest.Start(t), backend: newBackend(t), users: newUsers(t, users)}
	var names []string
	for _, name := range []string{"one", "two"}[:standbys] {
		f.standbys = append(f.standbys, f.primary.Standby(name))
		names = append(names, name)
	}
	if standbys > 0 {
		f.primary.Synchronous(names...)
	}
	return f
}

// node adds a node, which is not started yet.
func (f *fleet) node(name string) *node {
	f.t.Helper()
	n := &node{
		t: f.t, name: name, dir: f.t.TempDir(), backend: f.backend.addr, port: caddytest.FreePort(), admin: caddytest.FreePort(),
		lease: 2 * time.Second, workers: 8, timeout: "5s", retry: "50ms 300ms",
	}
	n.spool = "spool " + filepath.Join(n.dir, "spool.db")
	for _, s := range append([]*pgtest.Server{f.primary}, f.standbys...) {
		n.proxies = append(n.proxies, pgtest.NewProxy(f.t, s.Address()))
	}
	f.nodes = append(f.nodes, n)
	f.t.Cleanup(func() {
		f.giveUp()
		n.kill()
		if f.t.Failed() {
			f.t.Logf("the end of the log of node %s:\n%s", n.name, n.endOfLog())
		}
	})
	return n
}

// startNodes starts nodes with these names, and waits until they share the queue.
func (f *fleet) startNodes(names ...string) []*node {
	f.t.Helper()
	var nodes []*node
	for _, name := range names {
		n := f.node(name)
		n.start()
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.untilOwns(len(names))
	}
	return nodes
}

// startPair starts a node without a spool and one with it.
func (f *fleet) startPair() (without, with *node) {
	f.t.Helper()
	without, with = f.node("without"), f.node("with")
	without.spool = "spool off"
	for _, n := range f.nodes {
		n.start()
	}
	for _, n := range f.nodes {
		n.untilOwns(2)
	}
	return without, with
}

// promote makes the standby that has received the most the primary, and the other one its standby.
func (f *fleet) promote() (promoted *pgtest.Server) {
	f.t.Helper()
	promoted, other := f.standbys[0], f.standbys[1]
	if other.ReceivedLSN() > promoted.ReceivedLSN() {
		promoted, other = other, promoted
	}
	promoted.Promote()
	other.Follow(promoted)
	promoted.Synchronous(other.Name)
	f.primary, f.standbys = promoted, []*pgtest.Server{other}
	return promoted
}
