package recent

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// Ring remembers the last callbacks. It allocates nothing when one is added. The zero value is not
// ready for use; see [NewRing].
type Ring struct {
	on atomic.Bool // whether there are slots

	mu          sync.Mutex
	slots       []slot // the one of a sequence number is at its remainder
	first, last uint64 // sequence numbers that are kept; there is none if first > last
	buckets     []int32
	seed        maphash.Seed
	early       [earlyNotes]note
	watchers    []chan<- struct{}
}

// NewRing returns a ring for size callbacks.
func NewRing(size int) *Ring {
	r := &Ring{first: 1, seed: maphash.MakeSeed()}
	r.Resize(size)
	return r
}

// Resize changes how many callbacks are remembered, 0 for none. The newest of those that are
// remembered now are kept.
func (r *Ring) Resize(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if size == len(r.slots) {
		return
	}
	before := r.slots
	r.slots, r.buckets = make([]slot, size), nil
	if size > 0 {
		r.buckets = slices.Repeat([]int32{-1}, 1<<bits.Len(uint(size-1)))
	}
	if kept := r.last + 1 - r.first; kept > uint64(size) {
		r.first = r.last + 1 - uint64(size)
	}
	for seq := r.first; seq <= r.last; seq++ {
		s := r.slot(seq)
		*s = before[seq%uint64(len(before))]
		r.link(s)
	}
	r.on.Store(size > 0)
}

// On reports whether callbacks are remembered.
func (r *Ring) On() bool { return r.on.Load() }

// Add remembers a callback in place of the oldest one.
func (r *Ring) Add(c *Callback) {
	if !r.On() {
		return
	}
	hash := r.hash(c.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.slots) == 0 {
		return
	}
	s := r.slot(r.last + 1)
	if r.last-r.first+1 == uint64(len(r.slots)) {
		r.unlink(s)
		r.first++
	}
	r.last++
	s.seq, s.hash = r.last, hash
	s.set(c)
	if c.Stored || c.Duplicate {
		s.delivery = r.known(c, hash)
	}
	r.link(s)
	for _, w := range r.watchers {
		select {
		case w <- struct{}{}:
		default: // it will look anyway
		}
	}
}

func (r *Ring) slot(seq uint64) *slot { return &r.slots[seq%uint64(len(r.slots))] }

// Watch returns a channel that receives a value after callbacks were added. stop ends that.
func (r *Ring) Watch() (news <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers = append(r.watchers, w)
	return w, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := slices.Index(r.watchers, chan<- struct{}(w)); n >= 0 {
			r.watchers = slices.Delete(r.watchers, n, n+1)
		}
	}
}

// known returns what is known about the delivery of an event that was stored now, or is a duplicate:
// it may have been delivered before its callback was answered.
func (r *Ring) known(c *Callback, hash uint64) Delivery {
	if s := r.newest(c.ID, hash); s != nil && s.delivery.State != "" && (c.Duplicate || !s.delivery.Last.Before(c.Began)) {
		return s.delivery
	}
	if n := r.earlyNote(hash); n.is(c.ID) && !n.delivery.Last.Before(c.Began) {
		return n.delivery
	}
	if c.Stored {
		return Delivery{State: Waiting}
	}
	return Delivery{}
}
