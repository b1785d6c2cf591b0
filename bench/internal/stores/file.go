package stores

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	queuefile "github.com/d13c7061/caddy-tim-callback/queue/file"
)

type fileStore struct{ *queuefile.Store }

func openFile(_ context.Context, dir string, _ int) (store, error) {
	s, err := queuefile.Open(queuefile.Options{Path: filepath.Join(dir, "queue.db"), MaxEvents: 1 << 30})
	return fileStore{s}, err
}

func (s fileStore) put(ctx context.Context, _ int, e queue.Event) error {
	added, err := s.Put(ctx, e)
	if err == nil && !added {
		err = errors.New("an event was taken for a duplicate")
	}
	return err
}

func (s fileStore) cpu() (time.Duration, error) { return 0, nil }

func (s fileStore) close() error { return s.Close() }
