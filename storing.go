package timcallback

import (
	"context"
	"sync"
	"time"
)

// storing is the context of a store that is asked to store an event. It has a deadline
// and nothing else, since storing does not stop when Tencent hangs up. Unlike a context
// of [context.WithDeadline], it makes its channel and timer only if they are asked for.
type storing struct {
	deadline time.Time

	mu    sync.Mutex
	done  chan struct{}
	timer *time.Timer
	err   error
}

// Deadline implements [context.Context].
func (s *storing) Deadline() (time.Time, bool) { return s.deadline, true }

// Done implements [context.Context].
func (s *storing) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		} else {
			s.timer = time.AfterFunc(time.Until(s.deadline), func() { s.finish(context.DeadlineExceeded) })
		}
	}
	return s.done
}

// Err implements [context.Context].
func (s *storing) Err() error {
	if !time.Now().Before(s.deadline) {
		s.finish(context.DeadlineExceeded)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Value implements [context.Context].
func (s *storing) Value(any) any { return nil }

// end ends the context, so that nothing waits for the deadline any more.
func (s *storing) end() { s.finish(context.Canceled) }

func (s *storing) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = err
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.done != nil {
		close(s.done)
	}
}

// Interface guard
var _ context.Context = (*storing)(nil)
