// Package queues is the life of queues: a configuration declares them, they are
// opened when it starts, delivered from while it is the newest one, and outlive it
// as long as another configuration or a request uses them.
package queues

import (
	"fmt"
	"reflect"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Spec describes a queue that a configuration declares. Names, limits and options
// must be valid, with defaults in place of zero values.
type Spec struct {
	Name   string
	Kind   string // of its store, as the configuration names it, e.g. "file"
	Module queue.Module
	Limits queue.Limits

	Delivery delivery.Options
	Attempt  delivery.Attempt
	Route    string            // what Attempt runs, as the configuration has it
	Order    string            // in which events are delivered, as the configuration has it
	Body     string            // what Attempt gives the backend, as the configuration has it
	Secrets  []callback.Secret // with which Attempt signs
	Logger   *zap.Logger       // is told about deliveries
}

// location is where the store is kept.
func (s *Spec) location() string { return s.Module.Location(s.Name) }

// files are the files on this machine that belong to the queue, and its location, which is mostly a
// file too.
func (s *Spec) files() []string { return append([]string{s.location()}, s.Module.Files(s.Name)...) }

// open opens the store.
func (s *Spec) open() (queue.Store, error) {
	name := s.Name // the store outlives the rest
	store, err := s.Module.Open(name, queue.Options{
		Limits:  s.Limits,
		OnError: logStore(name),
		Logger:  storeLogger(name),
		Spool: func(path string, limits queue.Limits) (*queue.Spool, error) {
			return openSpool(name, path, limits)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", name, err)
	}
	return store, nil
}

// update gives a store that is open already to the module.
func (s *Spec) update(store queue.Store) {
	if module, ok := s.Module.(queue.Updater); ok {
		module.Update(store)
	}
}

// differences names the options in which two declarations of one queue differ.
func (s *Spec) differences(other *Spec) []string {
	var names []string
	for _, option := range []struct {
		name string
		a, b any
	}{
		{"store", s.files(), other.files()},
		{"order", s.Order, other.Order},
		{"workers", s.Delivery.Workers, other.Delivery.Workers},
		{"timeout", s.Delivery.Timeout, other.Delivery.Timeout},
		{"retry", s.retry(), other.retry()},
		{"max_events", s.Limits.Events, other.Limits.Events},
		{"max_bytes", s.Limits.Bytes, other.Limits.Bytes},
		{"retain", s.retain(), other.retain()},
		{"deliver", s.Route, other.Route},
		{"body", s.Body, other.Body},
		{"sign", s.Secrets, other.Secrets},
	} {
		if !reflect.DeepEqual(option.a, option.b) {
			names = append(names, option.name)
		}
	}
	return names
}

func (s *Spec) retain() queue.Limits {
	return queue.Limits{Retain: s.Limits.Retain, RetainBytes: s.Limits.RetainBytes}
}

func (s *Spec) retry() delivery.Options {
	return delivery.Options{RetryMin: s.Delivery.RetryMin, RetryMax: s.Delivery.RetryMax, GiveUpAfter: s.Delivery.GiveUpAfter}
}
