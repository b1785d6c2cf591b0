// Package lanes keeps in memory the order of the events of a queue that wait.
package lanes

import (
	"container/heap"
	"slices"
	"time"
)

// Index keeps the order of the events that wait. For each key it has a lane, which is a linked list
// of places with sequence numbers. With a million events waiting the index must
// stay small and give the garbage collector no work, so it has no pointers: numbers identify
// lanes and places, where 0 means none, and a key is replaced by its hash. Two keys with the same
// hash share a lane, so they wait for each other, but that does no other harm.
type Index struct {
	zero   time.Time     // due times are relative to this, by the monotonic clock if zero has a reading of it
	wait   time.Duration // how long a lane is delayed at most
	byKey  map[uint64]uint32
	lanes  slab[lane]
	places slab[place]
	// the first ones of lists that are linked by next
	freeLane, freePlace uint32
	firstReady          uint32
	lastReady           uint32
	delayed             delayedHeap
	size                int // how many events there are
	taken               int // how many of them are in flight
}

// lane has the events of one key, in order. The first one may be in flight; all others wait.
type lane struct {
	first, last uint32 // numbers of places
	next        uint32 // the next lane in the list of lanes that are ready or free
	state       laneState
}

type laneState uint8

const (
	laneReady   laneState = iota
	laneDelayed           // its first event waits for a retry
	laneTaken             // its first event is in flight, or its outcome is being written
)

type place struct {
	seq  uint64
	next uint32
}

// New returns an empty index. It computes due times relative to zero, by the monotonic clock if zero
// has a reading of it. A lane is delayed at most for the time wait.
func New(zero time.Time, wait time.Duration) *Index {
	return &Index{zero: zero, wait: wait, byKey: make(map[uint64]uint32)}
}

// Has reports whether the key has events.
func (x *Index) Has(key uint64) bool { return x.byKey[key] != 0 }

// Add puts an event, received at the time from, at the end of its key's lane. If it is the first
// one there, it is in flight if taken is set; else it can be taken at the time due, or at once if
// due is zero.
func (x *Index) Add(key uint64, seq uint64, from, due time.Time, taken bool) {
	x.promote(from) // lanes that became due before this event come before it
	p := x.freePlace
	if p != 0 {
		x.freePlace = x.places.at(p).next
	} else {
		p = x.places.grow()
	}
	*x.places.at(p) = place{seq: seq}
	x.size++

	if n := x.byKey[key]; n != 0 {
		l := x.lanes.at(n)
		x.places.at(l.last).next = p
		l.last = p
		return
	}
	n := x.freeLane
	if n != 0 {
		x.freeLane = x.lanes.at(n).next
	} else {
		n = x.lanes.grow()
	}
	*x.lanes.at(n) = lane{first: p, last: p, state: laneTaken}
	x.byKey[key] = n
	x.taken++
	if !taken {
		x.GiveBack(n, due)
	}
}

// ready appends a lane to the list of those whose first event can be taken.
func (x *Index) ready(n uint32) {
	x.lanes.at(n).state, x.lanes.at(n).next = laneReady, 0
	if x.lastReady == 0 {
		x.firstReady = n
	} else {
		x.lanes.at(x.lastReady).next = n
	}
	x.lastReady = n
}

// promote makes all delayed lanes ready that are due at the time now.
func (x *Index) promote(now time.Time) {
	for t := now.Sub(x.zero); len(x.delayed) > 0 && x.delayed[0].due <= t; {
		x.ready(heap.Pop(&x.delayed).(delayedLane).lane)
	}
}

// Take takes the first event of the lane that has been ready longest, but passes over the lanes
// of the keys in except.
func (x *Index) Take(now time.Time, except []uint64) (n uint32, seq uint64, ok bool) {
	if len(x.delayed) > 0 && x.delayed[0].due > now.Sub(x.zero)+x.wait {
		x.capDelays(now) // the clock was set back
	}
	x.promote(now)
	passed := make([]uint32, 0, len(except))
	for _, key := range except {
		passed = append(passed, x.byKey[key])
	}
	var before uint32
	for n = x.firstReady; n != 0 && slices.Contains(passed, n); n = x.lanes.at(n).next {
		before = n
	}
	if n == 0 {
		return 0, 0, false
	}
	l := x.lanes.at(n)
	if before == 0 {
		x.firstReady = l.next
	} else {
		x.lanes.at(before).next = l.next
	}
	if x.lastReady == n {
		x.lastReady = before
	}
	l.state, l.next = laneTaken, 0
	x.taken++
	return n, x.places.at(l.first).seq, true
}

// SetWait changes how long a lane is delayed at most.
func (x *Index) SetWait(wait time.Duration, now time.Time) {
	x.wait = wait
	x.capDelays(now)
}

// Wait returns how long a lane is delayed at most.
func (x *Index) Wait() time.Duration { return x.wait }

// Len returns how many events there are.
func (x *Index) Len() int { return x.size }

// Taken returns how many events are in flight.
func (x *Index) Taken() int { return x.taken }

// capDelays shortens all delays that are longer than x.wait. That keeps the order of the heap.
func (x *Index) capDelays(now time.Time) {
	latest := now.Sub(x.zero) + x.wait
	for i := range x.delayed {
		x.delayed[i].due = min(x.delayed[i].due, latest)
	}
}

// Head returns the key's lane, and whether its first event is this one and is taken.
func (x *Index) Head(key uint64, seq uint64) (uint32, bool) {
	n := x.byKey[key]
	ok := n != 0 && x.lanes.at(n).state == laneTaken && x.places.at(x.lanes.at(n).first).seq == seq
	return n, ok
}

// IsTaken reports whether the event is the first one of the lane, and is taken.
func (x *Index) IsTaken(n uint32, seq uint64) bool {
	l := x.lanes.at(n)
	return l.state == laneTaken && l.first != 0 && x.places.at(l.first).seq == seq
}

// Delayed reports whether the event is the first one of its key, and waits for a retry.
func (x *Index) Delayed(key uint64, seq uint64) bool {
	n := x.byKey[key]
	return n != 0 && x.lanes.at(n).state == laneDelayed && x.places.at(x.lanes.at(n).first).seq == seq
}

// Remove removes the first event of a lane, which is taken. The next event is then ready.
func (x *Index) Remove(key uint64, n uint32) {
	l := x.lanes.at(n)
	p := l.first
	l.first = x.places.at(p).next
	*x.places.at(p) = place{next: x.freePlace}
	x.freePlace = p
	x.size--
	x.taken--
	if l.first != 0 {
		x.ready(n)
		return
	}
	delete(x.byKey, key)
	*l = lane{next: x.freeLane}
	x.freeLane = n
}

// RemoveTaken is Remove for a lane whose key the caller does not know. It is slow.
func (x *Index) RemoveTaken(n uint32) {
	for key, lane := range x.byKey {
		if lane == n {
			x.Remove(key, n)
			return
		}
	}
}

// GiveBack makes a taken lane ready again, or delays it until the time due.
func (x *Index) GiveBack(n uint32, due time.Time) {
	x.taken--
	if due.IsZero() {
		x.ready(n)
		return
	}
	x.lanes.at(n).state = laneDelayed
	heap.Push(&x.delayed, delayedLane{due.Sub(x.zero), n})
}

// Hasten makes all delayed lanes ready, in the order in which they are due.
func (x *Index) Hasten() {
	for len(x.delayed) > 0 {
		x.ready(heap.Pop(&x.delayed).(delayedLane).lane)
	}
}

// Next returns when the next delayed lane is due, or the zero time if no lane is delayed.
func (x *Index) Next() time.Time {
	if len(x.delayed) == 0 {
		return time.Time{}
	}
	return x.zero.Add(x.delayed[0].due)
}

type delayedLane struct {
	due  time.Duration // relative to the index's zero
	lane uint32
}

type delayedHeap []delayedLane

func (h delayedHeap) Len() int           { return len(h) }
func (h delayedHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h delayedHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *delayedHeap) Push(x any)        { *h = append(*h, x.(delayedLane)) }
func (h *delayedHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
