// Package postgres keeps the events of a queue in a PostgreSQL database that several nodes share. Each
// node delivers the events of some partitions, for as long as it holds their leases.
//
// Four goroutines of a [Store] use connections of their own: one stores events, one keeps the leases, one
// reads new events, and one records the outcomes of deliveries. A fifth one moves events from the spool,
// which is a queue file on this machine, to the database.
package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/inbox"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/lanes"
)

// options say how a store is opened.
type options struct {
	queue.Options
	queue      string
	target     *target
	schema     string
	lease      time.Duration
	migrations bool
	spoolPath  string // "" without a spool
	spoolPlace string // the path as it is configured, for errors and logs
	now        func() time.Time

	trusting bool // takes warnings for success; tests show with it what the protection is for
}

// Store is a queue in PostgreSQL. See [queue.Store].
type Store struct {
	options options
	target  atomic.Pointer[target]
	lease   atomic.Int64 // a time.Duration
	sql     *statements
	node    string // its ID
	logger  *zap.Logger
	wake    signal
	moved   atomic.Bool // whether events came or went since the oldest one was looked up
	conns   conns
	pool    *pgxpool.Pool // for reading
	inbox   *inbox.Inbox[*put]
	spool   *spool // nil without one
	health  health
	queueID atomic.Int32
	changes atomic.Int32           // how often another primary has taken over, as far as the pool knows
	warned  atomic.Pointer[string] // the settings of the server that were warned about
	putting sync.RWMutex           // is held for reading while events are put
	limits  atomic.Pointer[queue.Limits]

	read     signal      // to the poller: there may be new events
	beat     signal      // to the keeper: there is something to do before its next turn
	ended    signal      // to the recorder: there are outcomes
	resting  atomic.Bool // whether nobody takes events
	closing  chan struct{}
	recorded chan struct{}   // is closed when the last outcomes were recorded
	killed   context.Context // ends when nothing may be written any more
	kill     context.CancelFunc
	running  sync.WaitGroup
	close    func() error

	mu        sync.Mutex
	index     *lanes.Index
	parts     [parts + 1]*part // those that this node holds
	unread    []*part          // those whose waiting events are not in the index yet
	deadline  time.Duration    // since boot: until then the leases are this node's
	former    []string         // the owners of partitions that it has given up
	flights   map[uint64]*flight
	outcomes  []outcome
	cache     map[uint64]*queue.Item // events that are likely to be taken next
	hastened  int
	housework queue.Counts // dead letters and bytes of the whole queue, if this node counts them
	oldest    time.Time
	nodes     int // how many nodes deliver
}

// signal is a channel with room for one value.
type signal chan struct{}

func (s signal) send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

func (s *Store) explain(err error) error { return s.target.Load().explain(err, s.options.schema) }

func (s *Store) leaseTime() time.Duration { return time.Duration(s.lease.Load()) }

// Wake implements [queue.Store].
func (s *Store) Wake() <-chan struct{} { return s.wake }

// SetLimits implements [queue.Store].
func (s *Store) SetLimits(limits queue.Limits) {
	limits = limits.WithDefaults()
	s.limits.Store(&limits)
	if s.spool != nil {
		s.spool.SetLimits(limits)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.SetWait(limits.Wait, s.options.now())
	s.wake.send()
}

// Close implements [queue.Store]. It writes what waits to be written, if that does not take long, and
// releases the leases, so that other nodes go on at once.
func (s *Store) Close() error { return s.close() }

// closePatience is how long Close waits for the server.
const closePatience = 5 * time.Second

func (s *Store) shut() error {
	close(s.closing)
	defer time.AfterFunc(closePatience, func() { s.kill(); s.conns.cut() }).Stop()
	s.running.Wait()
	s.putting.Lock() // also those that go into the spool
	defer s.putting.Unlock()
	s.kill()
	s.conns.cut()
	s.pool.Close()
	s.mu.Lock()
	s.loseAll()
	s.mu.Unlock()
	s.wake.send()
	if s.spool == nil {
		return nil
	}
	return s.spool.release()
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// pause waits, and returns false if the store is closed meanwhile.
func (s *Store) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closing:
		return false
	}
}

// Node tells which node this is, for the admin API.
func (s *Store) Node() queue.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	node := queue.Node{ID: s.node, Nodes: s.nodes, Up: s.health.isUp()}
	for _, p := range s.parts[:parts] {
		if p != nil {
			node.Partitions++
		}
	}
	return node
}

// Rest implements [queue.Shared].
func (s *Store) Rest(resting bool) {
	s.resting.Store(resting)
	s.beat.send()
}

// unavailable is the error of calls that need the server.
func (s *Store) unavailable(err error) error {
	if s.isClosing() {
		return queue.ErrClosed
	}
	if err == nil {
		return queue.ErrUnavailable
	}
	return fmt.Errorf("%w: %w", queue.ErrUnavailable, s.explain(err))
}

// Interface guard
var _ queue.Store = (*Store)(nil)
