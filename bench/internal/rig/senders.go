package rig

import (
	"errors"
	"sync"
)

// Together runs n senders at the same time, waits for all of them, and returns their
// errors.
func Together(n int, send func(sender int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = send(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
