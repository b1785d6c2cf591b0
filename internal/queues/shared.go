package queues

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// sharedStore is a store that outlives configurations. Every configuration that
// declares its queue holds a use of it, every request that may store an event holds
// one too, and the last to release it closes it. Of the configurations that were
// started, the newest one delivers.
type sharedStore struct {
	location string

	// under the lock of sharedStores
	uses    int
	closing chan struct{} // not nil while the store is being closed, and closed after that

	store atomic.Pointer[queue.Store] // nil until it is needed; set under mu

	mu      sync.Mutex
	started []*Queue // the last one delivers
}

var sharedStores = struct {
	sync.Mutex
	byLocation map[string]*sharedStore
}{byLocation: make(map[string]*sharedStore)}

// acquire returns the store of a location, with one more use. If the store is being
// closed, it waits for that, since a file can be open only once.
func acquire(location string) *sharedStore {
	sharedStores.Lock()
	defer sharedStores.Unlock()
	s := sharedStores.byLocation[location]
	for s != nil && s.closing != nil {
		closing := s.closing
		sharedStores.Unlock()
		<-closing
		sharedStores.Lock()
		s = sharedStores.byLocation[location]
	}
	if s == nil {
		s = &sharedStore{location: location}
		sharedStores.byLocation[location] = s
	}
	s.uses++
	return s
}

// inUse reports whether there is a store at a location.
func inUse(location string) bool {
	sharedStores.Lock()
	defer sharedStores.Unlock()
	return sharedStores.byLocation[location] != nil
}

// release ends a use. The last one closes the store.
func (s *sharedStore) release() error {
	sharedStores.Lock()
	defer sharedStores.Unlock()
	if s.uses--; s.uses > 0 {
		return nil
	}
	var err error
	if store := s.store.Swap(nil); store != nil {
		// without the lock, since every request to every queue needs it
		s.closing = make(chan struct{})
		sharedStores.Unlock()
		err = (*store).Close()
		sharedStores.Lock()
		close(s.closing)
	}
	delete(sharedStores.byLocation, s.location)
	return err
}

// delivers reports whether a configuration delivers the events of the store.
func (s *sharedStore) delivers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.started) > 0
}

// opened returns the store if it is open already, else nil.
func (s *sharedStore) opened() queue.Store {
	if store := s.store.Load(); store != nil {
		return *store
	}
	return nil
}

// open returns the store, and opens it if that was not done before.
func (s *sharedStore) open(spec *Spec) (queue.Store, error) { return s.openWith(spec.open) }

// openWith returns the store, and opens it with open if that was not done before.
func (s *sharedStore) openWith(open func() (queue.Store, error)) (queue.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked(open)
}

func (s *sharedStore) openLocked(open func() (queue.Store, error)) (queue.Store, error) {
	if store := s.opened(); store != nil {
		return store, nil
	}
	store, err := open()
	if err != nil {
		return nil, err
	}
	s.store.Store(&store)
	return store, nil
}

// start lets q deliver instead of the configuration before. The attempts that the
// latter has begun go on.
func (s *sharedStore) start(q *Queue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.opened()
	store, err := s.openLocked(q.spec.open)
	if err != nil {
		return err
	}
	if n := len(s.started); n > 0 {
		s.started[n-1].retire()
	}
	s.started = append(s.started, q)
	if before != nil {
		q.spec.update(store)
	}
	rest(store, false)
	q.dispatch(store)
	return nil
}

// stop ends q's delivering and waits for the attempts that it has begun. If q was the
// one that delivers, the configuration before delivers again, if it is still there.
func (s *sharedStore) stop(q *Queue) {
	s.mu.Lock()
	if n := slices.Index(s.started, q); n >= 0 {
		q.retire()
		s.started = slices.Delete(s.started, n, n+1)
		if last := len(s.started) - 1; n > last && last >= 0 {
			s.started[last].spec.update(s.opened())
			s.started[last].dispatch(s.opened())
		}
	}
	s.mu.Unlock()
	q.ended.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	// a request that takes long may keep the store open, and nobody delivers meanwhile
	if len(s.started) == 0 {
		rest(s.opened(), true)
	}
}

// rest says whether this node delivers nothing from a store, if others may do so.
func rest(store queue.Store, resting bool) {
	if r, ok := store.(queue.Rester); ok {
		r.Rest(resting)
	}
}
