package nodes

import (
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestRollingRestart is case 17: the nodes are restarted and reloaded one after another, under load. Nothing is
// lost or delivered twice, and nobody waits for a lease to end.
func TestRollingRestart(t *testing.T) {
	f := newFleet(t, 0, 12)
	for _, name := range []string{"a", "b"} {
		f.node(name).lease = 10 * time.Second // what is not released at once would be noticed
	}
	for _, n := range f.nodes {
		n.start()
	}
	for _, n := range f.nodes {
		n.untilOwns(2)
	}
	f.start()
	f.more(100, nil)
	for _, n := range f.nodes {
		n.stop()
		f.more(50, nil)
		n.start()
		n.untilOwns(2)
		f.more(50, nil)
		n.workers++
		n.reload()
		f.more(50, nil)
	}
	f.settle(allowed{late: 3 * time.Second})
	f.mustRefuseNone()
	runs := make(map[string]bool)
	for _, a := range f.backend.arrivals() {
		runs[a.node] = true
	}
	for _, n := range f.nodes {
		for run := 1; run <= n.run; run++ {
			if name := fmt.Sprint(n.name, "/", run); !runs[name] {
				t.Errorf("%s has delivered nothing", name)
			}
		}
	}
}

// TestStopWhileBusy stops a node that has to wait for a request of another site, which takes long. Its events are
// delivered by the others meanwhile.
func TestStopWhileBusy(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 12)
	a, b := f.node("a"), f.node("b")
	arrived, released := make(chan struct{}), make(chan struct{})
	address := caddytest.Serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-released })
	other := caddytest.FreeAddress()
	a.sites = fmt.Sprintf("http://%s {\nreverse_proxy %s\n}", other, address)
	for _, n := range f.nodes {
		n.lease = 10 * time.Second
		n.start()
	}
	a.untilOwns(2)
	b.untilOwns(2)
	f.start()
	f.more(100, nil)
	var request sync.WaitGroup
	request.Go(func() {
		if resp, err := http.Get("http://" + other); err == nil {
			resp.Body.Close()
		}
	})
	<-arrived
	a.serving.Store(false)
	a.signal(syscall.SIGTERM)
	stopped := time.Now()
	b.untilAll()
	took := time.Since(stopped)
	close(released)
	request.Wait()
	t.Logf("the other node delivers everything after %s", took)
	f.settle(allowed{late: 3 * time.Second})
}
