package timcallback

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// deliveryGrace is how long running deliveries have when a configuration stops.
const deliveryGrace = 5 * time.Second

// sharedQueue is an open queue. It outlives configurations: each that declares it
// holds a use of it, each request that may store holds one too, and the last to
// go closes the store. The newest configuration that was started delivers.
type sharedQueue struct {
	location string

	// under the lock of sharedQueues
	uses    int
	closing chan struct{} // not nil while the store is being closed; closed then

	store atomic.Pointer[queue.Store] // nil until it is needed; set under mu

	mu     sync.Mutex
	owners []*owner // that were started; the last one delivers
}

// owner is a configuration's declaration of a queue.
type owner struct {
	queue    *Queue
	attempt  delivery.Attempt
	observer delivery.Observer
	secrets  []profile.Secret // with which attempt signs

	shared     *sharedQueue         // once started
	dispatcher *delivery.Dispatcher // while it delivers
	ended      sync.WaitGroup       // for what it had begun
}

var sharedQueues = struct {
	sync.Mutex
	byLocation map[string]*sharedQueue
}{byLocation: make(map[string]*sharedQueue)}

// useQueue returns the queue of a location, with one more use. It waits for one
// that is being closed, since a file can be open only once.
func useQueue(location string) *sharedQueue {
	sharedQueues.Lock()
	defer sharedQueues.Unlock()
	s := sharedQueues.byLocation[location]
	for s != nil && s.closing != nil {
		closing := s.closing
		sharedQueues.Unlock()
		<-closing
		sharedQueues.Lock()
		s = sharedQueues.byLocation[location]
	}
	if s == nil {
		s = &sharedQueue{location: location}
		sharedQueues.byLocation[location] = s
	}
	s.uses++
	return s
}

// storeLogger logs what happens to a store, which has no configuration's logger.
func storeLogger(queueName string) func(error) {
	return func(err error) {
		logger := caddy.Log().Named("http.handlers.tim_callback").With(zap.String("queue", queueName))
		if err != nil {
			logger.Warn("queue cannot be written, callbacks are answered 503 until it can", zap.Error(err))
		} else {
			logger.Warn("queue can be written again")
		}
	}
}

// currentOwners returns who delivers now, by the names of their queues.
func currentOwners() []*owner {
	sharedQueues.Lock()
	all := slices.Collect(maps.Values(sharedQueues.byLocation))
	sharedQueues.Unlock()
	var owners []*owner
	for _, s := range all {
		s.mu.Lock()
		if n := len(s.owners); n > 0 {
			owners = append(owners, s.owners[n-1])
		}
		s.mu.Unlock()
	}
	slices.SortFunc(owners, func(a, b *owner) int { return strings.Compare(a.queue.Name, b.queue.Name) })
	return owners
}

// ownerByName returns who delivers from the queue of a name; nil if nobody does.
func ownerByName(name string) *owner {
	for _, o := range currentOwners() {
		if o.queue.Name == name {
			return o
		}
	}
	return nil
}

// queueInUse reports whether there is a queue at a location.
func queueInUse(location string) bool {
	sharedQueues.Lock()
	defer sharedQueues.Unlock()
	return sharedQueues.byLocation[location] != nil
}

// release ends a use; the last one closes the store.
func (s *sharedQueue) release() error {
	sharedQueues.Lock()
	defer sharedQueues.Unlock()
	if s.uses--; s.uses > 0 {
		return nil
	}
	var err error
	if store := s.store.Swap(nil); store != nil {
		// not under the lock, which every request to every queue takes
		s.closing = make(chan struct{})
		sharedQueues.Unlock()
		err = (*store).Close()
		sharedQueues.Lock()
		close(s.closing)
	}
	delete(sharedQueues.byLocation, s.location)
	return err
}

// opened returns the store if it is open already.
func (s *sharedQueue) opened() queue.Store {
	if store := s.store.Load(); store != nil {
		return *store
	}
	return nil
}

// open returns the store, which q opens if nobody did before.
func (s *sharedQueue) open(q *Queue) (queue.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked(q)
}

func (s *sharedQueue) openLocked(q *Queue) (queue.Store, error) {
	if store := s.opened(); store != nil {
		return store, nil
	}
	store, err := q.store.Open(q.Name, StoreOptions{MaxEvents: q.MaxEvents, OnError: storeLogger(q.Name)})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	s.store.Store(&store)
	return store, nil
}

// own makes o the one that delivers. What the former one has begun goes on.
func (s *sharedQueue) own(o *owner) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	store, err := s.openLocked(o.queue)
	if err != nil {
		return err
	}
	if n := len(s.owners); n > 0 {
		s.owners[n-1].retire()
	}
	s.owners = append(s.owners, o)
	o.dispatch(store)
	return nil
}

// disown ends o's delivering and waits for what it has begun. If o was the one
// that delivers, that goes back to the one before it, if it is still there.
func (s *sharedQueue) disown(o *owner) {
	s.mu.Lock()
	if n := slices.Index(s.owners, o); n >= 0 {
		o.retire()
		s.owners = slices.Delete(s.owners, n, n+1)
		if last := len(s.owners) - 1; n > last && last >= 0 {
			s.owners[last].dispatch(s.opened())
		}
	}
	s.mu.Unlock()
	o.ended.Wait()
}

func (o *owner) dispatch(store queue.Store) {
	q := o.queue
	store.SetMaxEvents(q.MaxEvents)
	o.dispatcher = delivery.New(store, o.attempt, delivery.Options{
		Workers:     q.Workers,
		Timeout:     time.Duration(q.Timeout),
		RetryMin:    time.Duration(q.Retry.Min),
		RetryMax:    time.Duration(q.Retry.Max),
		GiveUpAfter: time.Duration(q.Retry.GiveUpAfter),
	}, o.observer)
	o.dispatcher.Start()
}

// retire has o take no more events.
func (o *owner) retire() {
	d := o.dispatcher
	if d == nil {
		return
	}
	o.dispatcher = nil
	d.Retire()
	o.ended.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deliveryGrace)
		defer cancel()
		d.Stop(ctx)
	})
}
