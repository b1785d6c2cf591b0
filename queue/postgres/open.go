package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/inbox"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/lanes"
)

// startPatience is how long opening a store waits for the server.
const startPatience = 4 * time.Second

func open(o options) (*Store, error) {
	o.Limits = o.Limits.WithDefaults()
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.now == nil {
		o.now = time.Now
	}
	s := &Store{
		options:  o,
		sql:      newStatements(o.schema),
		node:     uuid.NewString(),
		logger:   o.Logger,
		wake:     make(signal, 1),
		inbox:    inbox.New[*put](maxBatch),
		read:     make(signal, 1),
		beat:     make(signal, 1),
		ended:    make(signal, 1),
		closing:  make(chan struct{}),
		recorded: make(chan struct{}),
		index:    lanes.New(o.now(), o.Limits.Wait),
		flights:  make(map[uint64]*flight),
		cache:    make(map[uint64]*queue.Item),
	}
	s.close = sync.OnceValue(s.shut)
	s.killed, s.kill = context.WithCancel(context.Background())
	s.target.Store(o.target)
	s.lease.Store(int64(o.lease))
	s.limits.Store(&o.Limits)
	s.health.init(s)
	if err := s.openPool(); err != nil {
		return nil, err
	}
	if o.spoolPath != "" {
		var err error
		if s.spool, err = openSpool(s); err != nil {
			s.pool.Close()
			return nil, err
		}
	}
	if err := s.firstContact(); err != nil {
		s.pool.Close()
		if s.spool != nil {
			err = errors.Join(err, s.spool.release())
		}
		return nil, err
	}
	s.running.Go(s.write)
	s.running.Go(s.keep)
	s.running.Go(s.poll)
	s.running.Go(s.record)
	if s.spool != nil {
		s.running.Go(s.drainSpool)
	}
	return s, nil
}

func (s *Store) openPool() (err error) {
	config := s.options.target.config.Copy()
	config.BeforeConnect = func(_ context.Context, conn *pgx.ConnConfig) error {
		now := s.target.Load().hosts()[0]
		conn.ValidateConnect = now.ValidateConnect
		conn.Host, conn.Port, conn.User, conn.Password = now.Host, now.Port, now.User, now.Password
		conn.TLSConfig, conn.Fallbacks = now.TLSConfig, now.Fallbacks
		return nil
	}
	config.MinConns, config.MinIdleConns = 0, 0
	s.pool, err = pgxpool.NewWithConfig(context.Background(), config)
	return err
}

// firstContact tries to reach the server, so that a configuration which can never work is refused.
func (s *Store) firstContact() error {
	w, err := s.reconnect(startPatience)
	if err == nil {
		w.close()
		return nil
	}
	err = s.explain(err)
	if _, permanent := errors.AsType[permanentError](err); permanent {
		return err
	}
	s.health.failed(keeping, err)
	return nil
}

// warnOfSettings warns about settings of the server with which OK means less than one may think. It warns
// again when a server has other ones.
func (s *Store) warnOfSettings(ctx context.Context, w *writer) {
	var fsync, standbys string
	err := w.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_standby_names')").Scan(&fsync, &standbys)
	if err != nil {
		return
	}
	seen := fsync + " " + standbys
	if before := s.warned.Swap(&seen); before != nil && *before == seen {
		return
	}
	if fsync == "off" {
		s.logger.Warn("the PostgreSQL server has fsync off: events that were acknowledged may be lost when its machine crashes")
	}
	if standbys == "" {
		s.logger.Warn("the PostgreSQL server has no synchronous standby (synchronous_standby_names is empty): an acknowledged event is on the disk of that one server")
	}
}

// update lets the store connect with other settings from now on.
func (s *Store) update(t *target, lease time.Duration) {
	s.target.Store(t)
	s.lease.Store(int64(lease))
	s.pool.Reset()
}
