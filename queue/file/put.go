package file

import (
	"context"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// put is an event that is to be stored. The caller of Put computes the hashes and encodes the
// record, which saves work for the single writer.
type put struct {
	id     string
	idHash uint64
	key    uint64 // the hash of the event's key
	record []byte
	seq    uint64 // the event's number, once it is added
	added  bool
	full   bool       // the event was not added, since the store is full
	done   chan error // has room for the answer, since the caller of Put may have given up
}

var putPool = sync.Pool{New: func() any { return &put{done: make(chan error, 1)} }}

// maxReused is the largest record, in bytes, whose memory is reused for another record.
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
	if !s.inbox.Add(p) {
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
		// otherwise an event whose callback was refused while the disk hung would be stored
		// later; if it is already being written, it may still be stored
		s.inbox.Remove(p)
		return false, ctx.Err()
	}
}
