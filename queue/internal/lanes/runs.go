package lanes

import (
	"container/heap"
	"slices"
	"time"
)

// Run is the beginning of a lane that was taken: events of one key, in order.
type Run struct {
	Lane uint32
	Due  time.Time // when the lane would have been ready; zero if it was ready
	Seqs []uint64
}

// TakeRuns takes lanes until they have most events together: first those that are ready, the longest
// first, then those that are delayed, in the order in which they are due. Of the last lane it may take
// only the beginning.
func (x *Index) TakeRuns(most int) (runs []Run) {
	for most > 0 {
		run := Run{Lane: x.firstReady}
		switch {
		case x.firstReady != 0:
			if x.firstReady = x.lanes.at(run.Lane).next; x.firstReady == 0 {
				x.lastReady = 0
			}
		case len(x.delayed) > 0:
			first := heap.Pop(&x.delayed).(delayedLane)
			run.Lane, run.Due = first.lane, x.zero.Add(first.due)
		default:
			return runs
		}
		l := x.lanes.at(run.Lane)
		l.state, l.next = laneTaken, 0
		x.taken++
		for p := l.first; p != 0 && most > 0; p = x.places.at(p).next {
			run.Seqs = append(run.Seqs, x.places.at(p).seq)
			most--
		}
		runs = append(runs, run)
	}
	return runs
}

// RemoveRun removes the events of a run, whose lane is taken. The next event of the lane is then ready.
func (x *Index) RemoveRun(key uint64, run Run) {
	for range run.Seqs[1:] {
		x.Advance(key, run.Lane)
	}
	x.Remove(key, run.Lane)
}

// Advance removes the first event of a lane, which is taken. The lane stays taken, unless that was its
// last event.
func (x *Index) Advance(key uint64, n uint32) {
	l := x.lanes.at(n)
	if l.first == l.last {
		x.Remove(key, n)
		return
	}
	p := l.first
	l.first = x.places.at(p).next
	*x.places.at(p) = place{next: x.freePlace}
	x.freePlace = p
	x.size--
}

// GiveBackFirst is like [Index.GiveBack], but a lane that is ready becomes the one that has been ready
// longest. So runs that are given back in the reverse order are as they were before.
func (x *Index) GiveBackFirst(n uint32, due time.Time) {
	if !due.IsZero() || x.firstReady == 0 {
		x.GiveBack(n, due)
		return
	}
	x.taken--
	x.lanes.at(n).state, x.lanes.at(n).next = laneReady, x.firstReady
	x.firstReady = n
}

// Peek returns the first events of at most most lanes, which [Index.Take] hands out next.
func (x *Index) Peek(most int) (seqs []uint64) {
	for n := x.firstReady; n != 0 && len(seqs) < most; n = x.lanes.at(n).next {
		seqs = append(seqs, x.places.at(x.lanes.at(n).first).seq)
	}
	return seqs
}

// Drop removes all events of the keys for which lost returns true.
func (x *Index) Drop(lost func(key uint64) bool) {
	dropped := make(map[uint32]bool)
	for key, n := range x.byKey {
		if lost(key) {
			dropped[n] = true
			delete(x.byKey, key)
		}
	}
	if len(dropped) == 0 {
		return
	}
	var ready []uint32
	for n := x.firstReady; n != 0; n = x.lanes.at(n).next {
		if !dropped[n] {
			ready = append(ready, n)
		}
	}
	x.delayed = slices.DeleteFunc(x.delayed, func(d delayedLane) bool { return dropped[d.lane] })
	heap.Init(&x.delayed)
	for n := range dropped {
		l := x.lanes.at(n)
		if l.state == laneTaken {
			x.taken--
		}
		for p := l.first; p != 0; {
			next := x.places.at(p).next
			*x.places.at(p) = place{next: x.freePlace}
			x.freePlace = p
			x.size--
			p = next
		}
		*l = lane{next: x.freeLane}
		x.freeLane = n
	}
	x.firstReady, x.lastReady = 0, 0
	for _, n := range ready {
		x.ready(n)
	}
}
