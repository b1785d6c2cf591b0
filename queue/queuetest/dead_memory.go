package queuetest

import (
	"slices"
	"strconv"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

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
	return m.removeDead(ids, func(e *entry) {
		m.append(&entry{item: queue.Item{Event: e.item.Event}}, m.Now())
	})
}

func (m *Memory) Drop(ids ...string) (int, error) {
	return m.removeDead(ids, m.drop)
}

// removeDead removes dead letters, in the order in which they were buried, and calls f with each.
func (m *Memory) removeDead(ids []string, f func(*entry)) (int, error) {
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
