package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// spool keeps events on this machine until the database takes them.
type spool struct {
	*file.Store
	busy    func() bool // whether the events of the file are being delivered, so they stay there
	release func() error
	filled  signal
}

func openSpool(s *Store) (*spool, error) {
	o := &s.options
	open := o.Spool
	if open == nil {
		open = openFile
	}
	opened, err := open(o.spoolPath, o.Limits)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", placeholder.HidePath(err, o.spoolPath, o.spoolPlace))
	}
	store, ok := opened.Store.(*file.Store)
	if !ok {
		return nil, errors.Join(fmt.Errorf("spool: %s is not a queue file", o.spoolPlace), opened.Release())
	}
	return &spool{Store: store, busy: opened.DeliveredFrom, release: opened.Release, filled: make(signal, 1)}, nil
}

func openFile(path string, limits queue.Limits) (*queue.Spool, error) {
	store, err := file.Open(file.Options{Path: path, Limits: limits})
	if err != nil {
		return nil, err
	}
	return &queue.Spool{Store: store, DeliveredFrom: func() bool { return false }, Release: store.Close}, nil
}

// has reports whether events of the key are in the spool, so that others must queue behind them.
func (sp *spool) has(key string) bool {
	has, _ := sp.Has(context.Background(), key)
	return has
}

func (sp *spool) put(ctx context.Context, e queue.Event) (bool, error) {
	added, err := sp.Put(ctx, e)
	if err == nil {
		sp.filled.send()
	}
	return added, err
}

// size is how many events are in the spool, dead letters included.
func (sp *spool) size() int {
	c := sp.Counts()
	return c.Waiting + c.InFlight + c.Dead
}

const (
	drainPause    = 250 * time.Millisecond // after a failure, and while there is nothing to do
	drainPauseMax = 2 * time.Second        // after many failures in a row
	drainBatch    = 512

	// warnEvery is how often a spool that does not drain is warned about.
	warnEvery = time.Minute
)

// drainSpool is the goroutine that moves events from the spool to the database.
func (s *Store) drainSpool() {
	var w *writer
	defer func() { w.close() }()
	warned, pause := time.Now(), drainPause
	for {
		timer := time.NewTimer(drainPause)
		select {
		case <-s.spool.filled:
		case <-s.health.change():
		case <-timer.C:
		case <-s.closing:
			timer.Stop()
			return
		}
		timer.Stop()
		n := s.spool.size()
		if n == 0 {
			warned = time.Now()
			continue
		}
		if time.Since(warned) >= warnEvery {
			warned = time.Now()
			s.logger.Warn("events wait on the disk of this machine until PostgreSQL takes them", zap.Int("events", n), zap.String("path", s.options.spoolPlace))
		}
		if !s.health.isUp() || s.queueID.Load() == 0 || s.spool.busy() {
			continue
		}
		var err error
		if w, err = s.connected(w); err == nil {
			err = s.drain(w)
		}
		if err != nil {
			s.health.failed(storing, s.explain(err))
			w.close()
			w = nil
			pause = min(2*pause, drainPauseMax)
			if !s.pause(pause) {
				return
			}
			continue
		}
		pause = drainPause
	}
}

// drain moves all events of the spool to the database, the dead letters first.
func (s *Store) drain(w *writer) error {
	total := 0
	for after := ""; !s.isClosing(); {
		letters, err := s.spool.Dead(after, drainBatch)
		if err != nil || len(letters) == 0 {
			break // while the file cannot be read, the others cannot be moved either
		}
		items := make([]queue.Item, len(letters))
		ids := make([]string, len(letters))
		for i := range letters {
			items[i], ids[i] = letters[i].Item, letters[i].ID
		}
		if err := s.move(w, stateDead, items, nil); err != nil {
			return err
		}
		if _, err := s.spool.Drop(ids...); err != nil {
			return nil // they are moved again later, and recognized
		}
		after = letters[len(letters)-1].Cursor
		total += len(letters)
	}
	for !s.isClosing() {
		var moveErr error
		n, err := s.spool.Move(drainBatch, func(items []queue.Item, due []time.Time) error {
			moveErr = s.move(w, stateWaiting, items, due)
			return moveErr
		})
		if moveErr != nil {
			return moveErr
		}
		if err != nil || n == 0 {
			break
		}
		total += n
		s.read.send()
	}
	if total > 0 {
		s.logger.Info("events were moved from the disk of this machine to PostgreSQL", zap.Int("events", total))
	}
	return nil
}

// move stores events with all that is known of them. Those whose ID is there already are left out.
func (s *Store) move(w *writer, state int16, items []queue.Item, due []time.Time) error {
	var (
		seen     = make(map[string]bool, len(items))
		part     []int16
		states   []int16
		key      [][]byte
		hash     []int64
		id       [][]byte
		received []time.Time
		dues     []*time.Time
		attempts []*string
		payload  [][]byte
	)
	for i := range items {
		item := &items[i]
		if seen[item.ID] {
			continue
		}
		seen[item.ID] = true
		at := placeOf(item.Key)
		part, states, key, hash, id = append(part, at.part), append(states, state), append(key, []byte(item.Key)), append(hash, at.hash), append(id, []byte(item.ID))
		if item.Payload == nil {
			item.Payload = []byte{} // nil would be NULL
		}
		received, attempts, payload = append(received, item.Received), append(attempts, encodeAttempts(item)), append(payload, item.Payload)
		if i < len(due) && !due[i].IsZero() {
			dues = append(dues, &due[i])
		} else {
			dues = append(dues, nil)
		}
	}
	stop := s.giveUp(w)
	defer stop()
	n, batch := 0, new(pgx.Batch)
	if state == stateDead {
		batch.Queue(s.sql.lock, lockDeathsClass, s.queueID.Load())
	}
	batch.Queue(s.sql.lock, lockPutsClass, s.queueID.Load())
	batch.Queue(s.sql.move, s.queueID.Load(), s.node, s.remembered(), part, states, key, hash, id, received, dues, attempts, payload).QueryRow(scanCount(&n))
	return w.confirm(batch)
}
