package queues

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Open is a queue that is being delivered from now.
type Open struct {
	Name     string
	Kind     string // of its store, as the configuration names it
	MaxBytes int64  // see [queue.Limits]; 0 without a limit
	Store    queue.Store
	Down     time.Time // since when the backend takes no events at all; zero if it does, as far as is known
}

// Find returns the store of a queue that is being delivered from now.
func Find(name string) (queue.Store, error) {
	var names []string
	for _, q := range Current() {
		if q.Name == name {
			return q.Store, nil
		}
		names = append(names, q.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no queue %q, nor any other", name)
	}
	return nil, fmt.Errorf("there is no queue %q; there are: %s", name, strings.Join(names, ", "))
}

// Current returns the queues that are being delivered from now, in the order of their
// names. While a reload moves a queue to another place, there may be two of one name.
func Current() []Open {
	sharedStores.Lock()
	all := slices.Collect(maps.Values(sharedStores.byLocation))
	sharedStores.Unlock()
	var open []Open
	for _, s := range all {
		s.mu.Lock()
		if n := len(s.started); n > 0 {
			if store := s.opened(); store != nil {
				q := s.started[n-1]
				open = append(open, Open{q.spec.Name, q.spec.Kind, q.spec.Limits.Bytes, store, q.down()})
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(open, func(a, b Open) int { return strings.Compare(a.Name, b.Name) })
	return open
}
