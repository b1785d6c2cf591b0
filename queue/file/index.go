package file

import (
	"container/heap"
	"time"
)

// index is the order of what waits, in memory: a line of sequence numbers for
// each key. With a million events waiting it must stay small and be no work for
// the garbage collector, so there are no pointers in it: lines and their places
// are numbers, 0 being none, and a key is its hash. Two keys of one
// hash share a line, which costs them nothing but waiting for each other.
type index struct {
	byKey  map[uint64]uint32
	lines  slab[line]
	places slab[place]
	// heads of lists through next
	freeLine, freePlace uint32
	firstReady          uint32
	lastReady           uint32
	late                lateHeap
	size                int // events
	taken               int
}

// line is the events of one key that wait or, at its head, are in flight.
type line struct {
	first, last uint32 // places
	next        uint32 // line that is ready after this one, or free
	state       lineState
}

type lineState uint8

const (
	lineReady lineState = iota
	lineLate            // its head waits for a retry
	lineTaken           // its head is in flight, or its end is being written
)

type place struct {
	seq  uint64
	next uint32
}

func newIndex() *index { return &index{byKey: make(map[uint64]uint32)} }

func (x *index) has(key uint64) bool { return x.byKey[key] != 0 }

// add puts an event at the end of its key's line. If it is the only one there it
// can be taken from a time on, or when it is due, or, if taken, is in flight already.
func (x *index) add(key uint64, seq uint64, from, due time.Time, taken bool) {
	x.promote(from) // what is due before it comes before it
	p := x.freePlace
	if p != 0 {
		x.freePlace = x.places.at(p).next
	} else {
		p = x.places.grow()
	}
	*x.places.at(p) = place{seq: seq}
	x.size++

	if n := x.byKey[key]; n != 0 {
		l := x.lines.at(n)
		x.places.at(l.last).next = p
		l.last = p
		return
	}
	n := x.freeLine
	if n != 0 {
		x.freeLine = x.lines.at(n).next
	} else {
		n = x.lines.grow()
	}
	*x.lines.at(n) = line{first: p, last: p, state: lineTaken}
	x.byKey[key] = n
	x.taken++
	if !taken {
		x.giveBack(n, due)
	}
}

// ready makes a line the last of those that can be taken.
func (x *index) ready(n uint32) {
	x.lines.at(n).state, x.lines.at(n).next = lineReady, 0
	if x.lastReady == 0 {
		x.firstReady = n
	} else {
		x.lines.at(x.lastReady).next = n
	}
	x.lastReady = n
}

// promote makes lines ready that are due at now.
func (x *index) promote(now time.Time) {
	for len(x.late) > 0 && x.late[0].due <= now.UnixNano() {
		x.ready(heap.Pop(&x.late).(lateLine).line)
	}
}

// take takes the head of the line that is ready for longest.
func (x *index) take(now time.Time) (n uint32, seq uint64, ok bool) {
	x.promote(now)
	n = x.firstReady
	if n == 0 {
		return 0, 0, false
	}
	l := x.lines.at(n)
	if x.firstReady = l.next; x.firstReady == 0 {
		x.lastReady = 0
	}
	l.state, l.next = lineTaken, 0
	x.taken++
	return n, x.places.at(l.first).seq, true
}

// head finds the line whose head is this event and is taken.
func (x *index) head(key uint64, seq uint64) (uint32, bool) {
	n := x.byKey[key]
	ok := n != 0 && x.lines.at(n).state == lineTaken && x.places.at(x.lines.at(n).first).seq == seq
	return n, ok
}

// remove removes the head of a key's taken line; the next one is ready then.
func (x *index) remove(key uint64, n uint32) {
	l := x.lines.at(n)
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
	*l = line{next: x.freeLine}
	x.freeLine = n
}

// giveBack makes a taken line ready again, or late.
func (x *index) giveBack(n uint32, due time.Time) {
	x.taken--
	if due.IsZero() {
		x.ready(n)
		return
	}
	x.lines.at(n).state = lineLate
	heap.Push(&x.late, lateLine{due.UnixNano(), n})
}

// hasten makes all late lines ready, in the order in which they are due.
func (x *index) hasten() {
	for len(x.late) > 0 {
		x.ready(heap.Pop(&x.late).(lateLine).line)
	}
}

// next is when the next late line is due.
func (x *index) next() time.Time {
	if len(x.late) == 0 {
		return time.Time{}
	}
	return time.Unix(0, x.late[0].due)
}

type lateLine struct {
	due  int64 // Unix nanoseconds
	line uint32
}

type lateHeap []lateLine

func (h lateHeap) Len() int           { return len(h) }
func (h lateHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h lateHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lateHeap) Push(x any)        { *h = append(*h, x.(lateLine)) }
func (h *lateHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
