package queuetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// load puts events under some keys, in order, and delivers them, some at the
// second attempt, looking at the order all the while.
type load struct {
	*bed
	wg   sync.WaitGroup
	gate sync.Mutex      // while it is held no call begins, but those that did go on
	put  [8]atomic.Int64 // by key: how many were stored,
	took [8]atomic.Int64 // the last that was taken, -1 before the first,
	done [8]atomic.Int64 // and the last that was delivered, likewise
}

func newLoad(b *bed) *load {
	l := &load{bed: b}
	for k := range l.took {
		l.took[k].Store(-1)
		l.done[k].Store(-1)
	}
	return l
}

// start puts for so long; what was put is delivered even after.
func (l *load) start(d time.Duration) {
	l.Cleanup(l.wg.Wait) // before the store is closed
	var putting sync.WaitGroup
	until := time.Now().Add(d)
	for k := range l.put {
		putting.Go(func() {
			for n := int64(0); n < 5 || n < 300 && time.Now().Before(until); n++ {
				l.pass()
				added, err := l.Put(context.Background(), event(fmt.Sprint(k, " ", n), fmt.Sprint("k", k)))
				if !added || err != nil {
					l.Errorf("put: %v, %v", added, err)
					return
				}
				l.put[k].Store(n + 1)
			}
		})
	}
	all := make(chan struct{})
	l.wg.Go(func() { putting.Wait(); close(all) })

	items := make(chan *queue.Item)
	for range 4 {
		l.wg.Go(func() {
			for item := range items {
				l.attempted(item)
			}
		})
	}
	l.wg.Go(func() {
		defer close(items)
		l.dispatch(items, all)
	})
}

func (l *load) pass() {
	l.gate.Lock()
	defer l.gate.Unlock()
}

// image is that of the bed. Where the disk is fast the files would never be
// still if the load did not pause.
func (l *load) image() image {
	l.gate.Lock()
	defer l.gate.Unlock()
	return l.bed.image()
}

// dispatch takes until all was put and delivered, asking only after a signal.
func (l *load) dispatch(items chan<- *queue.Item, all <-chan struct{}) {
	timeout := time.After(patience)
	for {
		item, _, err := l.Take(l.now())
		switch {
		case err != nil:
			l.Errorf("take: %v", err)
			return
		case item != nil:
			items <- item
			continue
		case all == nil && l.left() == 0:
			return
		}
		select {
		case <-l.Wake():
		case <-all:
			all = nil
		case <-timeout:
			l.Errorf("nothing to take, and no signal; the store holds %+v", l.Counts())
			return
		}
	}
}

func (l *load) left() (n int64) {
	for k := range l.put {
		n += l.put[k].Load() - (l.done[k].Load() + 1)
	}
	return n
}

// attempted ends an attempt to deliver.
func (l *load) attempted(item *queue.Item) {
	var k, n int64
	if _, err := fmt.Sscan(item.ID, &k, &n); err != nil {
		l.Errorf("took %q: %v", item.ID, err)
		return
	}
	l.pass()
	// only this attempt is about the key now
	took, done := l.took[k].Load(), l.done[k].Load()
	if n != done+1 || took > n {
		l.Errorf("took %d of key %d; before it took %d, delivered %d", n, k, took, done)
	}
	if again := took == n; again != (item.Attempts == 1) {
		l.Errorf("took %d of key %d with %d attempts, again %v", n, k, item.Attempts, again)
	}
	l.took[k].Store(n)
	if n%5 == 0 && took != n {
		l.Retry(l.attempt(item), l.now())
		return
	}
	l.done[k].Store(n)
	l.Delivered(item)
}
