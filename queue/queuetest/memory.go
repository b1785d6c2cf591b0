package queuetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Memory is a [queue.Store] that keeps events only in memory. It is simple and not fast: Take looks
// at every key.
type Memory struct {
	// Now is the clock for the times when events are put and delivered. It may be
	// changed before the first use. Default: [time.Now].
	Now func() time.Time

	wake chan struct{}

	mu        sync.Mutex
	limits    queue.Limits
	bytes     int64 // the size of the payloads
	closed    bool
	last      uint64 // the last number given to an event or a dead letter
	keys      map[string][]*entry
	dead      []*entry             // in the order in which they were buried
	retained  []*entry             // delivered, in the order in which the deliveries ended
	ids       map[string]bool      // the IDs of all events in keys and dead
	delivered map[string]time.Time // the time of delivery by ID
}

// entry is an event in a Memory. Only the first entry of a key can be taken.
type entry struct {
	item  queue.Item
	taken bool
	retry time.Time // when the next attempt is due; zero means at once
	died  uint64    // the number of the dead letter or of the delivered event
	ended time.Time // when it was delivered
}

var _ queue.Store = (*Memory)(nil)

// NewMemory returns an empty store. Its limit of bytes counts only the payloads.
func NewMemory(limits queue.Limits) *Memory {
	return &Memory{
		Now:       time.Now,
		limits:    limits.WithDefaults(),
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
	size := int64(len(e.Payload))
	if len(m.ids) >= m.limits.Events || m.bytes+size > m.limits.Bytes {
		return false, queue.ErrFull
	}
	m.bytes += size
	e.Payload = slices.Clone(e.Payload)
	m.ids[e.ID] = true
	m.retained = slices.DeleteFunc(m.retained, func(r *entry) bool { return r.item.ID == e.ID })
	m.append(&entry{item: queue.Item{Event: e}}, now)
	return true, nil
}

// append adds e as the newest event of its key.
func (m *Memory) append(e *entry, now time.Time) {
	m.last++
	e.item.Seq, e.item.Received = m.last, now
	m.keys[e.item.Key] = append(m.keys[e.item.Key], e)
	m.signal()
}

func (m *Memory) Take(now time.Time, except ...string) (*queue.Item, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, time.Time{}, queue.ErrClosed
	}
	var first *entry
	var next time.Time
	latest := now.Add(m.limits.Wait)
	for key, es := range m.keys {
		e := es[0]
		if e.retry.After(latest) {
			e.retry = latest
		}
		switch {
		case e.taken, slices.Contains(except, key):
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
	default: // there is already a signal
	}
}

func (m *Memory) Delivered(item *queue.Item) {
	m.endDelivery(item, func(e *entry) {
		m.remove(e)
		m.drop(e)
		m.delivered[e.item.ID] = m.Now()
		m.retain(e, item)
	})
}

func (m *Memory) Retry(item *queue.Item, at time.Time) {
	m.endDelivery(item, func(e *entry) {
		e.keep(item)
		e.retry = at
	})
}

func (m *Memory) Bury(item *queue.Item) {
	m.endDelivery(item, func(e *entry) {
		e.keep(item)
		m.remove(e)
		m.last++
		e.died = m.last
		m.dead = append(m.dead, e)
	})
}

func (m *Memory) Release(item *queue.Item) {
	m.endDelivery(item, func(e *entry) { e.retry = time.Time{} })
}

// endDelivery calls f with the entry of an item that is in flight, and ignores other items.
func (m *Memory) endDelivery(item *queue.Item, f func(*entry)) {
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

// keep copies the item's record of attempts.
func (e *entry) keep(item *queue.Item) {
	e.item.Attempts, e.item.Refusals, e.item.LastError = item.Attempts, item.Refusals, item.LastError
	e.item.First, e.item.Last, e.item.History = item.First, item.Last, slices.Clone(item.History)
}

// remove removes the first event of its key.
func (m *Memory) remove(e *entry) {
	if es := m.keys[e.item.Key]; len(es) > 1 {
		m.keys[e.item.Key] = es[1:]
	} else {
		delete(m.keys, e.item.Key)
	}
}

// drop removes the ID and the size of an event.
func (m *Memory) drop(e *entry) {
	delete(m.ids, e.item.ID)
	m.bytes -= int64(len(e.item.Payload))
}

func (m *Memory) SetLimits(limits queue.Limits) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = limits.WithDefaults()
}

func (m *Memory) Hasten() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, es := range m.keys {
		es[0].retry = time.Time{}
	}
	m.signal()
}

func (m *Memory) Has(_ context.Context, key string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys[key]) > 0, nil
}

func (m *Memory) Totals(context.Context) (queue.Counts, error) { return m.Counts(), nil }

func (m *Memory) Counts() queue.Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := queue.Counts{Dead: len(m.dead), Bytes: m.bytes}
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

// Close closes the store. Its events are lost. It never returns an error.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.signal()
	return nil
}
