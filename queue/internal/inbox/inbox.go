// Package inbox collects what many goroutines give to a single writer, so that the writer can store
// it together.
package inbox

import (
	"runtime"
	"slices"
	"sync"
)

// Inbox has the entries that wait for the writer. It is safe for concurrent use.
type Inbox[T comparable] struct {
	// Filled has a value when there are entries.
	Filled chan struct{}

	most   int
	mu     sync.Mutex
	list   []T
	closed bool
}

// New returns an empty inbox, from which the writer takes at most most entries at once.
func New[T comparable](most int) *Inbox[T] {
	return &Inbox[T]{Filled: make(chan struct{}, 1), most: most}
}

// Add adds an entry. It returns false if the inbox is closed.
func (i *Inbox[T]) Add(entry T) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.list = append(i.list, entry)
	i.signal()
	return true
}

func (i *Inbox[T]) signal() {
	select {
	case i.Filled <- struct{}{}:
	default:
	}
}

// Len returns how many entries wait.
func (i *Inbox[T]) Len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.list)
}

// Remove removes an entry, unless the writer has taken it already. It reports whether it was there.
func (i *Inbox[T]) Remove(entry T) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := slices.Index(i.list, entry)
	if n >= 0 {
		i.list = slices.Delete(i.list, n, n+1)
	}
	return n >= 0
}

// Gather takes the entries that wait, and reuses the memory of those that it returned before. It calls
// Settle first.
func (i *Inbox[T]) Gather(before []T) []T {
	i.Settle()
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.take(before)
}

// Settle lets other goroutines run that may be about to call Add: some were just answered, and some were
// held up since the runtime prefers to run this goroutine. It does so for as long as that adds entries, and
// returns how many there are then.
func (i *Inbox[T]) Settle() int {
	for last := -1; ; {
		runtime.Gosched()
		n := i.Len()
		if n == last || n >= i.most {
			return n
		}
		last = n
	}
}

func (i *Inbox[T]) take(before []T) []T {
	all := i.list
	rest := all[min(len(all), i.most):]
	clear(before)
	i.list = append(before[:0], rest...)
	if len(rest) > 0 {
		i.signal()
	} else {
		select {
		case <-i.Filled: // the signal of an entry that was added while Gather waited
		default:
		}
	}
	return all[:len(all)-len(rest)]
}

// Close takes the entries that wait, as Gather does, and makes Add refuse all further ones.
func (i *Inbox[T]) Close() []T {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	return i.take(nil)
}
