package nodes

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// event is what identifies a callback in the tests.
type event struct {
	user string
	n    int
}

// allowed is what a test may do to events.
type allowed struct {
	spool bool // nodes kept events on their own disks, so order holds only for each node
	again int  // how many events may be taken more than once
	late  time.Duration
}

// settle stops the users, waits until there is nothing left to deliver, and checks what the documentation
// of this package says.
func (f *fleet) settle(may allowed) {
	f.t.Helper()
	f.stop()
	var serving []*node
	for _, n := range f.users.nodes {
		if n.serving.Load() {
			serving = append(serving, n)
		}
	}
	dead := make(map[event]bool)
	for _, n := range serving {
		n.untilIdle()
	}
	for _, l := range serving[0].letters() {
		dead[l] = true
	}
	f.check(may, dead)
}

// letters returns the dead letters that a node lists.
func (n *node) letters() (list []event) {
	n.t.Helper()
	for page, err := range n.api().Dead("default", "", 0) {
		if err != nil {
			n.t.Fatal(err)
		}
		for _, l := range page {
			var e struct {
				Data struct{ Custom map[string]string }
			}
			if err := json.Unmarshal(l.Event, &e); err != nil {
				n.t.Fatal(err)
			}
			number, err := strconv.Atoi(e.Data.Custom["N"])
			if err != nil {
				n.t.Fatal(err)
			}
			list = append(list, event{l.Subject, number})
		}
	}
	return list
}

// slowdown is how many times longer than in use it may take until an event is delivered.
var slowdown time.Duration = 1

func (f *fleet) check(may allowed, dead map[event]bool) {
	f.t.Helper()
	all := f.backend.arrivals()
	first, taken, again := make(map[event]*arrival), make(map[event]time.Time), make(map[event]bool)
	ids := make(map[event]string)
	for i := range all {
		a := &all[i]
		e := event{a.user, a.n}
		if first[e] == nil {
			first[e], ids[e] = a, a.id
		}
		if ids[e] != a.id {
			f.t.Errorf("%v has the IDs %s and %s", e, ids[e], a.id)
		}
		if !a.wasTaken() {
			continue
		}
		if before, ok := taken[e]; ok {
			again[e] = true
			if a.taken.After(before) {
				continue
			}
		}
		taken[e] = a.taken
	}
	answered, refused, lost, wrong := 0, 0, 0, 0
	var slowest, latest time.Duration
	for _, u := range f.users.list {
		before := make(map[string]answer) // for each node, or for all
		for _, a := range u.sent {
			if slowest = max(slowest, a.took()); !a.isOK() {
				refused++
				continue
			}
			answered++
			e := event{u.name, a.n}
			if dead[e] {
				continue
			}
			when, ok := taken[e]
			if !ok {
				if lost++; lost <= 10 {
					f.t.Errorf("%v was answered OK by node %s at %s and never delivered", e, a.node, a.ended.Format(clock))
				}
				continue
			}
			latest = max(latest, when.Sub(a.ended))
			lane := ""
			if may.spool {
				lane = a.node
			}
			if last, ok := before[lane]; ok && first[e].at.Before(taken[event{u.name, last.n}]) {
				if wrong++; wrong <= 10 {
					f.t.Errorf("%v (node %s) was tried at %s by %s, before %d (node %s) was taken at %s", e, a.node, first[e].at.Format(clock), first[e].node,
						last.n, last.node, taken[event{u.name, last.n}].Format(clock))
				}
			}
			before[lane] = a
		}
	}
	f.t.Logf("answered OK %d, not OK %d, slowest %s; delivered %d in %d attempts, the latest after %s, %d more than once; dead %d; lost %d; out of order %d",
		answered, refused, slowest.Round(time.Millisecond), len(taken), len(all), latest.Round(time.Millisecond), len(again), len(dead), lost, wrong)
	if answered == 0 {
		f.t.Error("nothing was answered OK: the test shows nothing")
	}
	if len(again) > may.again {
		f.t.Errorf("%d events were taken more than once, at most %d may be", len(again), may.again)
	}
	if limit := slowdown * may.late; limit > 0 && latest > limit {
		f.t.Errorf("an event was delivered %s after its answer, want at most %s", latest, limit)
	}
}

const clock = "15:04:05.000"

// untilTaken waits until a user's events from the n-th on were taken.
func (f *fleet) untilTaken(limit time.Duration, wanted ...event) {
	f.t.Helper()
	missing := slices.Clone(wanted)
	caddytest.Within(f.t, limit, func() bool {
		all := f.backend.arrivals()
		missing = slices.DeleteFunc(missing, func(e event) bool {
			return slices.ContainsFunc(all, func(a arrival) bool { return a.user == e.user && a.n == e.n && a.wasTaken() })
		})
		return len(missing) == 0
	}, "these are taken: %v", &missing)
}
