package lanes

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// model is an index that is so simple that it is plainly right. It checks an Index that is told the
// same.
type model struct {
	*testing.T
	*Index
	now   time.Time
	last  uint64 // the last sequence number that was given
	turn  int    // counts the times at which a lane became ready or delayed
	lanes map[uint64]*modelLane
	runs  []modelRun // that were taken
}

type modelLane struct {
	key   uint64
	seqs  []uint64
	state laneState
	due   time.Time // if it is delayed
	turn  int       // since when it is in its state
}

// modelRun is a run and its lane. A run that [Index.Take] has taken has one event.
type modelRun struct {
	Run
	lane *modelLane
}

const longestWait = time.Hour

func newModel(t *testing.T) *model {
	zero := time.Date(2011, 1, 21, 8, 0, 0, 0, time.UTC)
	return &model{T: t, Index: New(zero, longestWait), now: zero, lanes: make(map[uint64]*modelLane)}
}

func (m *model) set(l *modelLane, state laneState, due time.Time) {
	m.turn++
	l.state, l.due, l.turn = state, due, m.turn
}

// sorted returns the lanes in a state, those first that are taken first. The index promises no order of
// lanes that are due at the same time, so no two are.
func (m *model) sorted(state laneState) (list []*modelLane) {
	for _, l := range m.lanes {
		if l.state == state {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b *modelLane) int { return cmp.Or(a.due.Compare(b.due), a.turn-b.turn) })
	return list
}

func (m *model) promote() {
	for _, l := range m.sorted(laneDelayed) {
		if !l.due.After(m.now) {
			m.set(l, laneReady, time.Time{})
		}
	}
}

func (m *model) add(key uint64, delay time.Duration, taken bool) {
	m.last++
	m.promote()
	var due time.Time
	if delay > 0 {
		due = m.now.Add(delay)
	}
	l := m.lanes[key]
	if l == nil {
		l = &modelLane{key: key}
		m.lanes[key] = l
		switch {
		case taken:
			m.set(l, laneTaken, time.Time{})
		case due.IsZero():
			m.set(l, laneReady, time.Time{})
		default:
			m.set(l, laneDelayed, due)
		}
	}
	l.seqs = append(l.seqs, m.last)
	m.Add(key, m.last, m.now, due, taken)
	if len(l.seqs) == 1 && taken {
		n, ok := m.Head(key, m.last)
		if !ok {
			m.Fatalf("%d is not the head of its lane", m.last)
		}
		m.runs = append(m.runs, modelRun{Run{Lane: n, Seqs: l.seqs[:1:1]}, l})
	}
}

func (m *model) take(except ...uint64) {
	m.promote()
	var want *modelLane
	for _, l := range m.sorted(laneReady) {
		if !slices.Contains(except, l.key) {
			want = l
			break
		}
	}
	n, seq, ok := m.Take(m.now, except)
	if ok != (want != nil) || ok && seq != want.seqs[0] {
		m.Fatalf("took %d, %v, want the first of %+v", seq, ok, want)
	}
	if ok {
		m.set(want, laneTaken, time.Time{})
		m.runs = append(m.runs, modelRun{Run{Lane: n, Seqs: []uint64{seq}}, want})
	}
}

func (m *model) takeRuns(most int) {
	got := m.TakeRuns(most)
	for _, l := range append(m.sorted(laneReady), m.sorted(laneDelayed)...) {
		if most <= 0 {
			break
		}
		want := l.seqs[:min(most, len(l.seqs))]
		if len(got) == 0 || !slices.Equal(got[0].Seqs, want) || !got[0].Due.Equal(l.due) {
			m.Fatalf("took %+v, want %v due at %v first", got, want, l.due)
		}
		m.set(l, laneTaken, time.Time{})
		m.runs = append(m.runs, modelRun{got[0], l})
		most -= len(want)
		got = got[1:]
	}
	if len(got) > 0 {
		m.Fatalf("took also %+v", got)
	}
}

// pick removes one of the runs that were taken, and returns it.
func (m *model) pick(i int) (r modelRun, ok bool) {
	if len(m.runs) == 0 {
		return r, false
	}
	i %= len(m.runs)
	r = m.runs[i]
	m.runs = slices.Delete(m.runs, i, i+1)
	if n, ok := m.Head(r.lane.key, r.Seqs[0]); !ok || n != r.Lane {
		m.Fatalf("lane %d of key %d does not begin with %d, or is not taken", n, r.lane.key, r.Seqs[0])
	}
	return r, true
}

// remove removes the events of a run: at once, or one after the other.
func (m *model) remove(i int, once bool) {
	r, ok := m.pick(i)
	switch {
	case !ok:
		return
	case once:
		m.RemoveRun(r.lane.key, r.Run)
	default:
		for _, seq := range r.Seqs[:len(r.Seqs)-1] {
			if _, ok := m.Head(r.lane.key, seq); !ok {
				m.Fatalf("%d is not the head of its lane", seq)
			}
			m.Advance(r.lane.key, r.Lane)
		}
		m.Remove(r.lane.key, r.Lane)
	}
	if r.lane.seqs = r.lane.seqs[len(r.Seqs):]; len(r.lane.seqs) == 0 {
		delete(m.lanes, r.lane.key)
		return
	}
	m.set(r.lane, laneReady, time.Time{})
}

func (m *model) giveBack(i int, delay time.Duration) {
	r, ok := m.pick(i)
	switch {
	case !ok:
	case delay > 0:
		due := m.now.Add(delay)
		m.GiveBack(r.Lane, due)
		m.set(r.lane, laneDelayed, due)
	default:
		m.GiveBack(r.Lane, time.Time{})
		m.set(r.lane, laneReady, time.Time{})
	}
}

// undo takes runs and gives them back, which must change nothing.
func (m *model) undo(most int) {
	runs := m.TakeRuns(most)
	for _, r := range slices.Backward(runs) {
		m.GiveBackFirst(r.Lane, r.Due)
	}
}

func (m *model) hasten() {
	m.Hasten()
	for _, l := range m.sorted(laneDelayed) {
		m.set(l, laneReady, time.Time{})
	}
}

// drop drops every key of those with the same remainder.
func (m *model) drop(by, remainder uint64) {
	lost := func(key uint64) bool { return key%by == remainder }
	m.Drop(lost)
	for key := range m.lanes {
		if lost(key) {
			delete(m.lanes, key)
		}
	}
	m.runs = slices.DeleteFunc(m.runs, func(r modelRun) bool { return lost(r.lane.key) })
}

// check compares everything that an index tells without being changed.
func (m *model) check(peek int) {
	m.Helper()
	size, taken := 0, 0
	for key, l := range m.lanes {
		if size += len(l.seqs); l.state == laneTaken {
			taken++
		}
		if !m.Has(key) {
			m.Fatalf("key %d has events", key)
		}
	}
	if m.Len() != size || m.Taken() != taken || m.Has(1<<40) {
		m.Fatalf("%d events, %d taken; want %d, %d", m.Len(), m.Taken(), size, taken)
	}
	var want []uint64
	for _, l := range m.sorted(laneReady) {
		if len(want) < peek {
			want = append(want, l.seqs[0])
		}
	}
	if got := m.Peek(peek); !slices.Equal(got, want) {
		m.Fatalf("peek: %v, want %v", got, want)
	}
	var next time.Time
	if delayed := m.sorted(laneDelayed); len(delayed) > 0 {
		next = delayed[0].due
	}
	if got := m.Next(); !got.Equal(next) {
		m.Fatalf("the next is due at %v, want %v", got, next)
	}
}

// step does what two numbers say. All delays differ, since the order of lanes that are due at the same
// time is open.
func (m *model) step(what, n byte) {
	delay := time.Duration(0)
	if n%3 == 0 {
		delay = time.Duration(n)*time.Second + time.Duration(m.turn)*time.Microsecond
	}
	key := uint64(n % 13)
	switch what % 16 {
	case 0, 1, 2, 3:
		m.add(key, delay, n%7 == 0)
	case 4, 5:
		m.take()
	case 6:
		m.take(key, key+1, 99)
	case 7, 8:
		m.takeRuns(int(n % 20))
	case 9, 10:
		m.remove(int(n), n%2 == 0)
	case 11:
		m.giveBack(int(n), delay)
	case 12:
		m.undo(int(n % 20))
	case 13:
		m.now = m.now.Add(time.Duration(n) * time.Second)
	case 14:
		if n%4 == 0 {
			m.hasten()
		}
	default:
		m.drop(uint64(n%5)+2, uint64(n%3))
	}
	m.check(int(n % 6))
}

// empty removes everything, and checks that the memory is used again.
func (m *model) empty() {
	for len(m.runs) > 0 || len(m.lanes) > 0 {
		m.takeRuns(5)
		m.remove(0, true)
		m.check(3)
	}
	for n, total := m.freePlace, 0; ; total++ {
		if n == 0 {
			if total != int(m.places.size) {
				m.Fatalf("%d of %d places are free", total, m.places.size)
			}
			return
		}
		n = m.places.at(n).next
	}
}

func TestAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newModel(t)
		for range 400 {
			m.step(byte(r.Uint32()), byte(r.Uint32()))
		}
		m.empty()
	}
}

func FuzzAgainstModel(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 7, 5, 9, 0, 11, 3, 15, 1})
	f.Add([]byte{0, 3, 1, 6, 7, 2, 12, 9, 14, 4, 4, 0, 10, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := newModel(t)
		for ; len(steps) > 1; steps = steps[2:] {
			m.step(steps[0], steps[1])
		}
		m.empty()
	})
}
