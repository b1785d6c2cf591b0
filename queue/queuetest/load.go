package queuetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// load puts events with several keys and delivers them, some of them at the second attempt. It
// checks their order all the time. Several stores may share the queue: then each event of a key is put
// with another one than the event before.
type load struct {
	*bed
	nodes []queue.Store // that share the queue; the store of the bed is the first one
	wg    sync.WaitGroup

	allPut <-chan struct{} // closed when all events were put
	over   chan struct{}   // closed by end

	gate sync.Mutex      // while it is locked no new call begins
	put  [8]atomic.Int64 // for each key, how many events were stored
	took [8]atomic.Int64 // for each key, the last event that was taken; -1 if none was
	done [8]atomic.Int64 // for each key, the last event that was delivered; -1 if none was
}

func newLoad(b *bed, others ...*bed) *load {
	l := &load{bed: b, nodes: []queue.Store{b.Store}, over: make(chan struct{})}
	for _, other := range others {
		l.nodes = append(l.nodes, other.Store)
	}
	for k := range l.took {
		l.took[k].Store(-1)
		l.done[k].Store(-1)
	}
	return l
}

// start puts events for the time d. Then it goes on until all of them are delivered.
func (l *load) start(d time.Duration) {
	l.Cleanup(l.wg.Wait) // before the store is closed
	var putting sync.WaitGroup
	until := time.Now().Add(d)
	for k := range l.put {
		putting.Go(func() {
			for n := int64(0); n < 5 || n < 300 && time.Now().Before(until); n++ {
				l.waitAtGate()
				store := l.nodes[(int(n)+k)%len(l.nodes)]
				added, err := store.Put(context.Background(), event(fmt.Sprint(k, " ", n), fmt.Sprint("k", k)))
				if !added || err != nil {
					if !l.ended() {
						l.Errorf("put: %v, %v", added, err)
					}
					return
				}
				l.put[k].Store(n + 1)
			}
		})
	}
	all := make(chan struct{})
	l.wg.Go(func() { putting.Wait(); close(all) })

	l.allPut = all
	for _, store := range l.nodes {
		l.join(store)
	}
}

// join makes a store deliver events, until all were put and delivered or leave is called. When leave
// returns, none is in flight with this store.
func (l *load) join(store queue.Store) (leave func()) {
	items, left := make(chan *queue.Item), make(chan struct{})
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for item := range items {
				l.attempted(store, item)
			}
		})
	}
	work.Go(func() {
		defer close(items)
		l.dispatch(store, items, left)
	})
	l.wg.Go(work.Wait)
	return func() {
		close(left)
		work.Wait()
	}
}

// end makes the load end soon. From then on calls of the stores may fail.
func (l *load) end() { close(l.over) }

func (l *load) ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// progress is how far a load has come with each key.
type progress [len(load{}.put)]struct{ put, took, done int64 }

func (l *load) progress() (p progress) {
	for k := range p {
		p[k].put, p[k].took, p[k].done = l.put[k].Load(), l.took[k].Load(), l.done[k].Load()
	}
	return p
}

func (l *load) waitAtGate() {
	l.gate.Lock()
	defer l.gate.Unlock()
}

// image returns an image of the files, as the bed does, but makes the load pause. On a fast disk the
// files would otherwise change all the time.
func (l *load) image() image {
	l.gate.Lock()
	defer l.gate.Unlock()
	return l.bed.image()
}

// dispatch takes events until all were put and delivered, or left is closed. When there is none it waits
// for a signal, and looks now and then whether other stores have delivered the rest.
func (l *load) dispatch(store queue.Store, items chan<- *queue.Item, left <-chan struct{}) {
	timeout := time.NewTimer(l.patience())
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	all := l.allPut
	for {
		item, _, err := store.Take(l.now())
		switch {
		case item != nil:
			items <- item
			timeout.Reset(l.patience())
			select {
			case <-left:
				return
			default:
			}
			continue
		case l.ended():
			return
		case err != nil:
			l.Errorf("take: %v", err)
			return
		}
		for waits := true; waits; {
			select {
			case <-store.Wake():
				waits = false
			case <-all:
				all = nil
			case <-look.C:
			case <-left:
				return
			case <-l.over:
				return
			case <-timeout.C:
				l.Errorf("nothing to take, and no signal; the store holds %+v", store.Counts())
				return
			}
			if all == nil && l.undelivered() == 0 {
				return
			}
		}
	}
}

func (l *load) undelivered() (n int64) {
	for k := range l.put {
		n += l.put[k].Load() - (l.done[k].Load() + 1)
	}
	return n
}

// attempted checks the order of an event that was taken, and ends the attempt to deliver it.
func (l *load) attempted(store queue.Store, item *queue.Item) {
	var k, n int64
	if _, err := fmt.Sscan(item.ID, &k, &n); err != nil {
		l.Errorf("took %q: %v", item.ID, err)
		return
	}
	l.waitAtGate()
	if item.Owned != nil && item.Owned.Err() != nil {
		store.Release(item) // the machine was too slow for the store
		return
	}
	// no other attempt for this key can be under way now
	took, done := l.took[k].Load(), l.done[k].Load()
	if n != done+1 || took > n {
		l.Errorf("took %d of key %d; before it took %d, delivered %d", n, k, took, done)
	}
	if again := took == n; again != (item.Attempts == 1) {
		l.Errorf("took %d of key %d with %d attempts, again %v", n, k, item.Attempts, again)
	}
	l.took[k].Store(n)
	if n%5 == 0 && took != n {
		store.Retry(l.attempt(item), l.now())
		return
	}
	l.done[k].Store(n)
	store.Delivered(item)
}
