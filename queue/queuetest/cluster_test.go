package queuetest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

// clusterLease is how long the events of a node that was abandoned stay in flight.
const clusterLease = 300 * time.Millisecond

// cluster is a queue in memory that nodes share. It exists to test the tests of stores that can be
// shared, and those of crashes for stores whose files cannot be copied.
type cluster struct {
	mu    sync.Mutex
	core  *queuetest.Memory
	nodes []*node // those that are open; the first one counts what is not in flight
	last  int
}

// node is a store of a cluster.
type node struct {
	*cluster
	id       int
	gone     bool // closed or abandoned
	wake     chan struct{}
	inFlight map[uint64]lent
}

// lent is an item that a node has taken.
type lent struct {
	item *queue.Item
	lose context.CancelFunc
}

// open opens another node.
func (c *cluster) open(limits queue.Limits) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.core.SetLimits(limits)
	c.last++
	n := &node{cluster: c, id: c.last, wake: make(chan struct{}, 1), inFlight: make(map[uint64]lent)}
	c.nodes = append(c.nodes, n)
	return n
}

// leave removes a node. The others get what it had in flight, at once or later.
func (n *node) leave(later time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return
	}
	n.gone = true
	for i, other := range n.nodes {
		if other == n {
			n.nodes = append(n.nodes[:i:i], n.nodes[i+1:]...)
		}
	}
	release := func() {
		for _, l := range n.inFlight {
			l.lose()
			n.core.Release(l.item)
		}
		n.signal()
	}
	if later == 0 {
		release()
		return
	}
	time.AfterFunc(later, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		release()
	})
}

func (c *cluster) signal() {
	for _, n := range c.nodes {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// do calls f, unless the node is gone.
func (n *node) do(f func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return queue.ErrClosed
	}
	defer n.signal()
	return f()
}

func (n *node) Put(ctx context.Context, e queue.Event) (added bool, err error) {
	err = n.do(func() (err error) { added, err = n.core.Put(ctx, e); return err })
	return added, err
}

func (n *node) Take(now time.Time, except ...string) (item *queue.Item, next time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return nil, time.Time{}, queue.ErrClosed
	}
	if item, next, err = n.core.Take(now, except...); item != nil {
		own := *item
		var lose context.CancelFunc
		item.Owned, lose = context.WithCancel(context.Background())
		n.inFlight[item.Seq] = lent{&own, lose}
	}
	return item, next, err
}

// end calls f with an item that this node has in flight.
func (n *node) end(item *queue.Item, f func(*queue.Item)) {
	_ = n.do(func() error {
		if _, ok := n.inFlight[item.Seq]; ok {
			delete(n.inFlight, item.Seq)
			f(item)
		}
		return nil
	})
}

func (n *node) Wake() <-chan struct{}      { return n.wake }
func (n *node) Delivered(item *queue.Item) { n.end(item, n.core.Delivered) }
func (n *node) Bury(item *queue.Item)      { n.end(item, n.core.Bury) }
func (n *node) Release(item *queue.Item)   { n.end(item, n.core.Release) }
func (n *node) Retry(item *queue.Item, at time.Time) {
	n.end(item, func(item *queue.Item) { n.core.Retry(item, at) })
}
func (n *node) Hasten() { _ = n.do(func() error { n.core.Hasten(); return nil }) }
func (n *node) SetLimits(limits queue.Limits) {
	_ = n.do(func() error { n.core.SetLimits(limits); return nil })
}

func (n *node) Has(ctx context.Context, key string) (has bool, err error) {
	has = true
	err = n.do(func() (err error) { has, err = n.core.Has(ctx, key); return err })
	return has, err
}

func (n *node) Counts() (c queue.Counts) {
	_ = n.do(func() error {
		if n.nodes[0] == n {
			c = n.core.Counts()
		}
		c.InFlight = len(n.inFlight)
		return nil
	})
	return c
}

func (n *node) Totals(context.Context) (c queue.Counts, err error) {
	err = n.do(func() error { c = n.core.Counts(); return nil })
	return c, err
}

func (n *node) Node() (info queue.Node) {
	_ = n.do(func() error {
		info = queue.Node{ID: fmt.Sprint(n.id), Nodes: len(n.nodes), Partitions: 2 / len(n.nodes), Up: true}
		return nil
	})
	return info
}

func (n *node) Dead(after string, limit int) (list []queue.Dead, err error) {
	err = n.do(func() (err error) { list, err = n.core.Dead(after, limit); return err })
	return list, err
}

func (n *node) Events(ctx context.Context, q queue.Query) (page queue.Page, err error) {
	err = n.do(func() (err error) { page, err = n.core.Events(ctx, q); return err })
	return page, err
}

func (n *node) Replay(ids ...string) (count int, err error) {
	err = n.do(func() (err error) { count, err = n.core.Replay(ids...); return err })
	return count, err
}

func (n *node) ReplayEntries(ctx context.Context, cursors ...string) (count int, err error) {
	err = n.do(func() (err error) { count, err = n.core.ReplayEntries(ctx, cursors...); return err })
	return count, err
}

func (n *node) Drop(ids ...string) (count int, err error) {
	err = n.do(func() (err error) { count, err = n.core.Drop(ids...); return err })
	return count, err
}

func (n *node) Close() error {
	n.leave(0)
	return nil
}

// Interface guards
var (
	_ queue.Store  = (*node)(nil)
	_ queue.Shared = (*node)(nil)
)

func TestCluster(t *testing.T) {
	var mu sync.Mutex
	byDir := make(map[string]*cluster)
	open := func(_ *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store {
		mu.Lock()
		defer mu.Unlock()
		c := byDir[dir]
		if c == nil {
			c = &cluster{core: queuetest.NewMemory(limits)}
			c.core.Now = now
			byDir[dir] = c
		}
		return c.open(limits)
	}
	queuetest.Run(t, queuetest.Opener{
		Durable: true,
		Open:    open,
		Second:  open,
		Abandon: func(s queue.Store) { s.(*node).leave(clusterLease / 2) },
		Lease:   clusterLease,
	})
}
