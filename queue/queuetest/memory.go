package queuetest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Memory is a [queue.Store] that loses everything with its process. It is made
// to be plainly right, not to be fast: Take looks at every key.
type Memory struct {
	// Now is the clock for when an event was put and for how long an ID is
	// remembered. Set it before the first use.
	Now func() time.Time

	max  int
	wake chan struct{}

	mu        sync.Mutex
	closed    bool
	last      uint64 // sequence number or place among the dead that was given
	keys      map[string][]*entry
	dead      []*entry             // in the order in which they died
	ids       map[string]bool      // of all in keys and dead
	delivered map[string]time.Time // by ID
}

// entry is an event in a Memory. Only the first of its key can be taken.
type entry struct {
	item  queue.Item
	taken bool
	retry time.Time // zero: due at once
	died  uint64    // place among the dead
}

var _ queue.Store = (*Memory)(nil)

// NewMemory returns an empty store of at most max events, of any number if max
// is 0.
func NewMemory(max int) *Memory {
	return &Memory{
		Now:       time.Now,
		max:       max,
		wake:      make(chan struct{}, 1),
		keys:      make(map[string][]*entry),
		ids:       make(map[string]bool),
		delivered: make(map[string]time.Time),
	}
}

func (m *Memory) Put(ctx context.Context, e queue.Event) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false, queue.ErrClosed
	}
	now := m.Now()
	if at, ok := m.delivered[e.ID]; m.ids[e.ID] || ok && now.Sub(at) < queue.Remember {
		return false, nil
	}
	if m.max > 0 && len(m.ids) >= m.max {
		return false, queue.ErrFull
	}
	e.Payload = slices.Clone(e.Payload)
	m.ids[e.ID] = true
	m.append(&entry{item: queue.Item{Event: e}}, now)
	return true, nil
}

// append makes e the newest event of its key.
func (m *Memory) append(e *entry, now time.Time) {
	m.last++
	e.item.Seq, e.item.Received = m.last, now
	m.keys[e.item.Key] = append(m.keys[e.item.Key], e)
	m.signal()
}

func (m *Memory) Take(now time.Time) (*queue.Item, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, time.Time{}, queue.ErrClosed
	}
	var first *entry
	var next time.Time
	for _, es := range m.keys {
		switch e := es[0]; {
		case e.taken:
		case e.retry.After(now):
			if next.IsZero() || e.retry.Before(next) {
				next = e.retry
			}
		case first == nil || e.before(first):
			first = e
		}
	}
	if first == nil {
		return nil, next, nil
	}
	first.taken = true
	item := first.item
	item.Payload = slices.Clone(item.Payload)
	return &item, time.Time{}, nil
}

// before reports whether e has been due for longer than o.
func (e *entry) before(o *entry) bool {
	due := func(e *entry) time.Time {
		if e.retry.IsZero() {
			return e.item.Received
		}
		return e.retry
	}
	return cmp.Or(due(e).Compare(due(o)), cmp.Compare(e.item.Seq, o.item.Seq)) < 0
}

func (m *Memory) Wake() <-chan struct{} { return m.wake }

func (m *Memory) signal() {
	select {
	case m.wake <- struct{}{}:
	default: // one signal is there already
	}
}

func (m *Memory) Delivered(item *queue.Item) {
	m.end(item, func(e *entry) {
		m.remove(e)
		delete(m.ids, e.item.ID)
		m.delivered[e.item.ID] = m.Now()
	})
}

func (m *Memory) Retry(item *queue.Item, at time.Time) {
	m.end(item, func(e *entry) {
		e.keep(item)
		e.retry = at
	})
}

func (m *Memory) Bury(item *queue.Item) {
	m.end(item, func(e *entry) {
		e.keep(item)
		m.remove(e)
		m.last++
		e.died = m.last
		m.dead = append(m.dead, e)
	})
}

func (m *Memory) Release(item *queue.Item) {
	m.end(item, func(e *entry) { e.retry = time.Time{} })
}

// end ends what Take began with f. An item that is not in flight is ignored.
func (m *Memory) end(item *queue.Item, f func(*entry)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	es := m.keys[item.Key]
	if m.closed || len(es) == 0 || !es[0].taken || es[0].item.Seq != item.Seq {
		return
	}
	es[0].taken = false
	f(es[0])
	m.signal()
}

// keep takes over what is known about the attempts.
func (e *entry) keep(item *queue.Item) {
	e.item.Attempts, e.item.Refusals, e.item.LastError = item.Attempts, item.Refusals, item.LastError
	e.item.First, e.item.Last = item.First, item.Last
}

// remove removes the first event of its key.
func (m *Memory) remove(e *entry) {
	if es := m.keys[e.item.Key]; len(es) > 1 {
		m.keys[e.item.Key] = es[1:]
	} else {
		delete(m.keys, e.item.Key)
	}
}

func (m *Memory) SetMaxEvents(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.max = n
}

func (m *Memory) Hasten() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, es := range m.keys {
		es[0].retry = time.Time{}
	}
	m.signal()
}

func (m *Memory) Has(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys[key]) > 0
}

func (m *Memory) Counts() queue.Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := queue.Counts{Dead: len(m.dead)}
	for _, es := range m.keys {
		for _, e := range es {
			if e.taken {
				c.InFlight++
			} else {
				c.Waiting++
			}
			if c.Oldest.IsZero() || e.item.Received.Before(c.Oldest) {
				c.Oldest = e.item.Received
			}
		}
	}
	return c
}

func (m *Memory) Dead(after string, limit int) ([]queue.Dead, error) {
	var from uint64
	if after != "" {
		var err error
		if from, err = strconv.ParseUint(after, 10, 64); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, queue.ErrClosed
	}
	var list []queue.Dead
	for _, e := range m.dead {
		if e.died > from && len(list) < limit {
			d := queue.Dead{Item: e.item, Cursor: strconv.FormatUint(e.died, 10)}
			d.Payload = slices.Clone(d.Payload)
			list = append(list, d)
		}
	}
	return list, nil
}

func (m *Memory) Replay(ids ...string) (int, error) {
	return m.exhume(ids, func(e *entry) {
		m.append(&entry{item: queue.Item{Event: e.item.Event}}, m.Now())
	})
}

func (m *Memory) Drop(ids ...string) (int, error) {
	return m.exhume(ids, func(e *entry) { delete(m.ids, e.item.ID) })
}

// exhume takes dead letters out, in the order in which they died, and hands
// them to f.
func (m *Memory) exhume(ids []string, f func(*entry)) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, queue.ErrClosed
	}
	for _, id := range ids {
		if !slices.ContainsFunc(m.dead, func(e *entry) bool { return e.item.ID == id }) {
			return 0, queue.ErrNotFound
		}
	}
	var out, stay []*entry
	for _, e := range m.dead {
		if len(ids) == 0 || slices.Contains(ids, e.item.ID) {
			out = append(out, e)
		} else {
			stay = append(stay, e)
		}
	}
	m.dead = stay
	for _, e := range out {
		f(e)
	}
	return len(out), nil
}

// Close gives the store up. Nothing is kept.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.signal()
	return nil
}
