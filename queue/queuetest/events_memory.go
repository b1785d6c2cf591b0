package queuetest

import (
	"context"
	"slices"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

func (m *Memory) Events(_ context.Context, q queue.Query) (queue.Page, error) {
	l, err := listing.New(q)
	if err != nil {
		return queue.Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return queue.Page{}, queue.ErrClosed
	}
	m.evict()
	return l.Sections(func(from listing.Place) (last listing.Place, err error) {
		last = from
		for _, p := range m.section(from.Section) {
			if p.at.Compare(from) <= 0 || len(q.IDs) > 0 && !slices.Contains(q.IDs, p.ID) || !q.Wants(p.State) {
				continue
			}
			if l.Full() {
				break
			}
			last = p.at
			l.Looked()
			if q.Chooses(&p.Item) {
				p.Payload = slices.Clone(p.Payload)
				l.Add(p.Entry, p.at)
			}
		}
		return last, nil
	})
}

// retain keeps a delivered event, if the limits say so.
func (m *Memory) retain(e *entry, item *queue.Item) {
	if m.limits.Retain > 0 {
		e.keep(item)
		m.last++
		e.died, e.ended = m.last, m.Now()
		m.retained = append(m.retained, e)
		m.evict()
	}
}

// evict removes retained events whose time is over or that are too many, the oldest first.
func (m *Memory) evict() {
	size := int64(0)
	for _, e := range m.retained {
		size += int64(len(e.item.Payload))
	}
	for len(m.retained) > 0 && (m.limits.Retain <= 0 || size > m.limits.RetainBytes || m.Now().Sub(m.retained[0].ended) >= m.limits.Retain) {
		size -= int64(len(m.retained[0].item.Payload))
		m.retained = m.retained[1:]
	}
}

type placed struct {
	queue.Entry
	at listing.Place
}

// section returns the events of a section, in their order.
func (m *Memory) section(section listing.Section) (list []placed) {
	switch section {
	case listing.Live:
		for _, es := range m.keys {
			for i, e := range es {
				entry := queue.Entry{Item: e.item, State: queue.Waiting}
				switch {
				case e.taken:
					entry.State = queue.InFlight
				case i == 0 && e.retry.After(m.Now()):
					entry.Due = e.retry
				}
				list = append(list, placed{entry, listing.Place{Section: section, N: e.item.Seq}})
			}
		}
	case listing.Dead:
		for _, e := range m.dead {
			list = append(list, placed{queue.Entry{Item: e.item, State: queue.DeadLetter}, listing.Place{Section: section, N: e.died}})
		}
	case listing.Delivered:
		for _, e := range m.retained {
			list = append(list, placed{queue.Entry{Item: e.item, State: queue.Delivered, Ended: e.ended}, listing.Place{Section: section, N: e.died}})
		}
	}
	slices.SortFunc(list, func(a, b placed) int { return a.at.Compare(b.at) })
	return list
}

func (m *Memory) ReplayEntries(ctx context.Context, cursors ...string) (total int, err error) {
	places, err := listing.ParseAll(cursors)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, queue.ErrClosed
	}
	for _, at := range places {
		is := func(e *entry) bool { return e.died == at.N }
		if i := slices.IndexFunc(m.dead, is); i >= 0 && at.Section == listing.Dead {
			m.append(&entry{item: queue.Item{Event: m.dead[i].item.Event}}, m.Now())
			m.dead = slices.Delete(m.dead, i, i+1)
			total++
		} else if i := slices.IndexFunc(m.retained, is); i >= 0 && at.Section == listing.Delivered {
			e := m.retained[i].item.Event
			if len(m.ids) >= m.limits.Events || m.bytes+int64(len(e.Payload)) > m.limits.Bytes {
				return total, queue.ErrFull
			}
			m.ids[e.ID] = true
			m.bytes += int64(len(e.Payload))
			m.append(&entry{item: queue.Item{Event: e}}, m.Now())
			m.retained = slices.Delete(m.retained, i, i+1)
			total++
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
	}
	return total, nil
}
