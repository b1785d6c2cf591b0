package file

import (
	"context"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// request is anything else than a put that the writer does while its caller waits.
type request struct {
	run   func(*batch) (int, error) // if it returns an error, nothing is changed
	grows bool                      // whether it makes the file larger
	n     int                       // the result of run
	err   error                     // the error of run
	done  chan error
}

// do makes the writer run a request, and waits until it has done so.
func (s *Store) do(grows bool, run func(*batch) (int, error)) (int, error) {
	return s.doUntil(context.Background(), grows, run)
}

// doUntil is like do, but returns early if ctx is done. Then the request may still be run.
func (s *Store) doUntil(ctx context.Context, grows bool, run func(*batch) (int, error)) (int, error) {
	r := &request{run: run, grows: grows, done: make(chan error, 1)}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.closed:
		return 0, queue.ErrClosed
	}
	select {
	case err := <-r.done:
		return r.n, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
