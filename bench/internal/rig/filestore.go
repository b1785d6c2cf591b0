package rig

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// Event is an event as the stores take it.
type Event = queue.Event

// NewEvent makes an event of a user. Its ID looks like that of a callback.
func NewEvent(id [16]byte, user string, payload []byte) Event {
	return Event{ID: hex.EncodeToString(id[:]), Key: SDKAppID + "/" + user, Payload: payload}
}

// FileStore is the module's file store.
type FileStore struct{ store *file.Store }

// OpenFileStore opens a queue file, or makes a new one. It takes as many events as the
// disk has room for.
func OpenFileStore(path string) (*FileStore, error) {
	s, err := file.Open(file.Options{Path: path, Limits: queue.Limits{Events: 1 << 30}})
	if err != nil {
		return nil, err
	}
	return &FileStore{s}, nil
}

// Put stores an event. It is an error if the store takes the event for a duplicate.
func (s *FileStore) Put(ctx context.Context, e Event) error {
	added, err := s.store.Put(ctx, e)
	if err == nil && !added {
		err = errors.New("an event was taken for a duplicate")
	}
	return err
}

// Waiting is how many events wait in the store.
func (s *FileStore) Waiting() int { return s.store.Counts().Waiting }

// Close closes the file.
func (s *FileStore) Close() error { return s.store.Close() }
