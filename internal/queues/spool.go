package queues

import (
	"errors"
	"strings"
	"sync"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// openSpool opens a file for a store as [queue.Options.Spool] says. queueName is the name of the
// store's queue.
func openSpool(queueName, path string, limits queue.Limits) (*queue.Spool, error) {
	shared := acquire(path)
	store, err := shared.openWith(func() (queue.Store, error) {
		log := logSpool(queueName)
		s, err := file.Open(file.Options{Path: path, Limits: limits, OnError: func(err error) { log(withoutPath(err, path)) }})
		if err != nil {
			return nil, err // an interface with a nil *file.Store would not be nil
		}
		return s, nil
	})
	if err != nil {
		return nil, errors.Join(err, shared.release())
	}
	return &queue.Spool{Store: store, DeliveredFrom: shared.delivers, Release: sync.OnceValue(shared.release)}, nil
}

// withoutPath removes the path of a spool from an error, since a placeholder in it may be secret.
func withoutPath(err error, path string) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), path, "the file"))
}
