package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// writer is a connection on which transactions are committed. If the commit waits for a standby and is
// cancelled, PostgreSQL reports success although the standby has nothing. So such a connection never
// sends a request to cancel: it is closed instead, which leaves the outcome open.
type writer struct {
	*pgx.Conn
	dialed   atomic.Bool
	warned   atomic.Bool // whether the server has warned since the last call of begin
	trusting bool        // ignores warnings; only tests set it
	newest   *newest
	changes  int32 // of newest when it was connected
}

// unlessFormer returns the connection, or closes it and returns nil if another primary has taken over since
// it was opened.
func (w *writer) unlessFormer() *writer {
	if w != nil && w.newest.changes.Load() != w.changes {
		w.close()
		return nil
	}
	return w
}

var errNoCancel = errors.New("this connection sends no request to cancel")

// errDoubt means that a server has warned while it committed: it may have stopped waiting for a standby.
var errDoubt = errors.New("PostgreSQL has committed with a warning, so a standby may not have the event")

// connect opens a connection for writing. ctx is for connecting alone.
func (s *Store) connect(ctx context.Context) (*writer, error) {
	t := s.target.Load()
	var errs []error
	for _, config := range t.hosts() {
		w, err := s.connectTo(ctx, config)
		if err == nil {
			t.reached(config)
			w.newest, w.changes = &t.newest, t.newest.changes.Load()
			if s.changes.Swap(w.changes) != w.changes {
				s.pool.Reset()
			}
			return w, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (s *Store) connectTo(ctx context.Context, config *pgx.ConnConfig) (*writer, error) {
	w := &writer{trusting: s.options.trusting}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if w.dialed.Load() {
			return nil, errNoCancel
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return s.conns.add(conn)
	}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.SeverityUnlocalized == "WARNING" || notice.Severity == "WARNING" {
			w.warned.Store(true)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	w.dialed.Store(true)
	if err != nil {
		return nil, err
	}
	w.Conn = conn
	return w, nil
}

// close closes the connection at once, also if the server does not answer.
func (w *writer) close() {
	if w == nil {
		return
	}
	_ = w.PgConn().Conn().Close()
	_ = w.Close(context.Background())
}

// confirm runs the statements of a batch in one transaction, and waits for its commit. The callbacks of
// the batch must have read all results. It does not end before the server has answered, or until the
// connection is closed.
func (w *writer) confirm(batch *pgx.Batch) error {
	return w.confirmed(func() error { return w.SendBatch(context.Background(), batch).Close() })
}

// commit commits a transaction that was begun with statements of its own.
func (w *writer) commit(tx pgx.Tx) error {
	return w.confirmed(func() error { return tx.Commit(context.Background()) })
}

// confirmed takes a warning while commit runs for a failure.
func (w *writer) confirmed(commit func() error) error {
	w.warned.Store(false)
	if err := commit(); err != nil {
		return err
	}
	if w.warned.Load() && !w.trusting {
		return errDoubt
	}
	return nil
}

// connected returns w, or a new connection if w is nil or leads to a former primary.
func (s *Store) connected(w *writer) (*writer, error) {
	if w = w.unlessFormer(); w != nil {
		return w, nil
	}
	return s.reconnect(s.target.Load().patience())
}

// reconnect connects, and checks the tables, since this may be another server than before.
func (s *Store) reconnect(patience time.Duration) (*writer, error) {
	ctx, cancel := context.WithTimeout(s.killed, patience)
	defer cancel()
	w, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	// making tables waits for their commit, which only closing the connection ends
	stop := context.AfterFunc(ctx, func() { _ = w.PgConn().Conn().Close() })
	defer stop()
	id, err := s.prepare(ctx, w)
	if err != nil {
		w.close()
		return nil, err
	}
	s.queueID.Store(id)
	s.warnOfSettings(ctx, w)
	return w, nil
}

// into returns a callback for a batch that collects the rows of a statement, each of which has one column.
func into[T any](list *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, pgx.RowTo[T])
		return err
	}
}

// conns are the open connections of a store.
type conns struct {
	mu   sync.Mutex
	open map[net.Conn]bool
	shut bool
}

// tracked is a connection that leaves the set when it is closed.
type tracked struct {
	net.Conn
	set *conns
}

func (c *conns) add(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		conn.Close()
		return nil, net.ErrClosed
	}
	if c.open == nil {
		c.open = make(map[net.Conn]bool)
	}
	c.open[conn] = true
	return &tracked{conn, c}, nil
}

func (t *tracked) Close() error {
	t.set.mu.Lock()
	delete(t.set.open, t.Conn)
	t.set.mu.Unlock()
	return t.Conn.Close()
}

// cut closes all connections, and lets no new one be opened.
func (c *conns) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	for conn := range c.open {
		conn.Close()
	}
}
