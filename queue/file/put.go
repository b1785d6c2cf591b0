package file

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// put is an event on its way into the file. What can be made of it by who puts it
// is, since there is only one writer.
type put struct {
	id     string
	idHash uint64
	key    uint64 // hash
	record []byte
	seq    uint64 // once it is added
	added  bool
	full   bool       // it was not added, since the store is full
	done   chan error // who puts may have gone
}

var putPool = sync.Pool{New: func() any { return &put{done: make(chan error, 1)} }}

// maxReused is the size in bytes beyond which a record's memory is not kept for another one.
const maxReused = 8 << 10

func (p *put) set(s *Store, e *queue.Event, received time.Time) {
	p.id, p.idHash, p.key = e.ID, s.hash(e.ID), s.hash(e.Key)
	p.record = appendEvent(p.record[:0], e, received)
	p.added, p.full = false, false
}

// Put implements [queue.Store].
func (s *Store) Put(ctx context.Context, e queue.Event) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	p := putPool.Get().(*put)
	p.set(s, &e, s.options.now())
	if !s.inbox.add(p) {
		return false, queue.ErrClosed
	}
	select {
	case err := <-p.done:
		added := p.added
		if cap(p.record) <= maxReused {
			putPool.Put(p)
		}
		return added, err
	case <-ctx.Done():
		s.inbox.remove(p) // unless it is being written: a slow disk may store it yet
		return false, ctx.Err()
	}
}

// inbox is what waits for the writer.
type inbox struct {
	filled chan struct{} // has one when it is not empty

	mu     sync.Mutex
	puts   []*put
	closed bool
}

func (i *inbox) add(p *put) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.puts = append(i.puts, p)
	i.signal()
	return true
}

func (i *inbox) signal() {
	select {
	case i.filled <- struct{}{}:
	default:
	}
}

func (i *inbox) len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.puts)
}

// remove takes back what the writer has not begun to write: a disk that hangs for
// long must not be given later what was refused meanwhile.
func (i *inbox) remove(p *put) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := slices.Index(i.puts, p); n >= 0 {
		i.puts = slices.Delete(i.puts, n, n+1)
	}
}

// gather takes what waits, as much as goes into a batch, and leaves the memory of
// the batch before for what comes next. Others may be about to put: those who were
// just answered, or who are held up since the runtime prefers to run this goroutine.
// They get the processor for as long as that makes the batch grow.
func (i *inbox) gather(before []*put) []*put {
	for last := -1; ; {
		runtime.Gosched()
		n := i.len()
		if n == last || n >= maxBatch {
			break
		}
		last = n
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.take(before)
}

func (i *inbox) take(before []*put) []*put {
	all := i.puts
	rest := all[min(len(all), maxBatch):]
	clear(before)
	i.puts = append(before[:0], rest...)
	if len(rest) > 0 {
		i.signal()
	} else {
		select {
		case <-i.filled: // by those who came while others were gathered
		default:
		}
	}
	return all[:len(all)-len(rest)]
}

// close refuses what comes from now on, and takes what is there.
func (i *inbox) close() []*put {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	return i.take(nil)
}
