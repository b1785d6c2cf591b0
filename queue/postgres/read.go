package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const (
	pollEvery = 100 * time.Millisecond
	pollPause = 10 * time.Millisecond // from one time to the next while events keep coming
	pageSize  = 10_000                // of the statement poll

	// readTimeout bounds reading the server's answer to a short query.
	readTimeout = 5 * time.Second

	// loadTimeout bounds reading all events that wait in newly claimed partitions.
	loadTimeout = 10 * time.Minute

	// oldestEvery is how often this node looks for its oldest event, and oldestPause how often it does
	// so while events come and go, since it takes a look at all partitions.
	oldestEvery = time.Second
	oldestPause = 100 * time.Millisecond
)

// reader reads the events that were put since it has last read. Events become visible in the order of
// their numbers, since they are stored under a lock, so nothing is skipped.
type reader struct {
	*writer
	cursor int64     // the number up to which it has read
	server time.Time // when the server was started
	looked time.Time // when it has looked for the oldest event
}

// poll is the goroutine that reads new events into the index.
func (s *Store) poll() {
	var r reader
	defer func() { r.close() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var polled time.Time
	for {
		select {
		case <-timer.C:
		case <-s.read:
			if wait := pollPause - time.Since(polled); wait > 0 && !s.pause(wait) {
				return
			}
		case <-s.closing:
			return
		}
		timer.Reset(pollEvery)
		polled = time.Now()
		if s.queueID.Load() == 0 {
			continue
		}
		if err := s.readOn(&r); err != nil {
			r.close()
			r = reader{}
			if !s.pause(pollEvery) {
				return
			}
		} else if s.moved.Load() {
			timer.Reset(oldestPause)
		}
	}
}

// readOn reads what is new. After the connection was lost it reads everything again, since the new one
// may be to a server that was a standby and has given numbers a second time.
func (s *Store) readOn(r *reader) error {
	if r.writer = r.unlessFormer(); r.writer == nil {
		if err := s.beginReading(r); err != nil {
			return err
		}
	}
	if err := s.load(r); err != nil {
		return err
	}
	for n := pageSize; n == pageSize; {
		var err error
		if n, err = s.readPage(r); err != nil {
			return err
		}
	}
	if since := time.Since(r.looked); since < oldestPause || since < oldestEvery && !s.moved.Load() {
		return nil
	}
	s.moved.Store(false)
	r.looked = time.Now()
	h, _ := s.held()
	ctx, cancel := context.WithTimeout(s.killed, readTimeout)
	defer cancel()
	oldest, err := s.readOldest(ctx, r, slices.DeleteFunc(h.numbers, func(n int16) bool { return n == housework }))
	s.mu.Lock()
	defer s.mu.Unlock()
	if !oldest.IsZero() || s.index.Len() == 0 { // an event whose outcome was just recorded is still in the index
		s.oldest = oldest
	}
	return err
}

// beginReading connects, and forgets what was read before.
func (s *Store) beginReading(r *reader) (err error) {
	connecting, cancel := context.WithTimeout(s.killed, s.target.Load().patience())
	defer cancel()
	if r.writer, err = s.connect(connecting); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.killed, readTimeout)
	defer cancel()
	if err := r.QueryRow(ctx, s.sql.last, s.queueID.Load()).Scan(&r.cursor); err != nil {
		return err
	}
	if err := r.QueryRow(ctx, "SELECT pg_postmaster_start_time()").Scan(&r.server); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = s.unread[:0]
	for _, p := range s.parts[:parts] {
		if p != nil {
			s.unread = append(s.unread, p)
		}
	}
	s.dropLanes(func(int) bool { return true })
	return nil
}

// readPage reads the next events after the cursor, and returns how many there were.
func (s *Store) readPage(r *reader) (int, error) {
	ctx, cancel := context.WithTimeout(s.killed, readTimeout)
	defer cancel()
	var server time.Time
	var list []entry
	batch := new(pgx.Batch)
	batch.Queue("SELECT pg_postmaster_start_time()").QueryRow(func(row pgx.Row) error { return row.Scan(&server) })
	batch.Queue(s.sql.poll, s.queueID.Load(), r.cursor).Query(func(rows pgx.Rows) error {
		return collect(rows, func(page []entry) { list = page })
	})
	if err := r.SendBatch(ctx, batch).Close(); err != nil {
		return 0, err
	}
	if !server.Equal(r.server) {
		return 0, errOtherServer // behind a pooler
	}
	if len(list) > 0 {
		r.cursor = list[len(list)-1].seq
		s.add(list, func(p *part) bool { return !slices.Contains(s.unread, p) })
	}
	return len(list), nil
}

var errOtherServer = errors.New("the connection leads to another server than before")

// entry is what the index needs of an event.
type entry struct {
	seq   int64
	part  int16
	hash  int64
	state int16
	from  time.Time // when it was received
	due   *time.Time
}

// collect passes the rows on in pages, whose memory it reuses.
func collect(rows pgx.Rows, pass func([]entry)) error {
	var list []entry
	var e entry
	_, err := pgx.ForEachRow(rows, []any{&e.seq, &e.part, &e.hash, &e.state, &e.from, &e.due}, func() error {
		if list = append(list, e); len(list) == pageSize {
			pass(list)
			list = list[:0]
		}
		return nil
	})
	if err == nil && len(list) > 0 {
		pass(list)
	}
	return err
}

// add adds events to the index, if this node holds their partition and may says so.
func (s *Store) add(list []entry, may func(*part) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.now()
	added := false
	for i := range list {
		e := &list[i]
		p := s.parts[e.part]
		if e.state != 0 || p == nil || p.leaving || !may(p) {
			continue
		}
		var due time.Time
		if e.due != nil {
			due = *e.due
		}
		_, flying := s.flights[uint64(e.seq)]
		if e.from.After(now) {
			e.from = now // it is of a time when the clock was ahead, or of another node
		}
		if s.oldest.IsZero() || e.from.Before(s.oldest) {
			s.oldest = e.from
		}
		s.index.Add(uint64(e.hash), uint64(e.seq), e.from, due, flying)
		added = true
	}
	if added {
		s.moved.Store(true)
		s.wake.send()
	}
}

// load reads the events that wait in partitions that were claimed since, up to the cursor.
func (s *Store) load(r *reader) error {
	s.mu.Lock()
	fresh := slices.DeleteFunc(slices.Clone(s.unread), func(p *part) bool { return s.parts[p.number] != p })
	s.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.killed, loadTimeout)
	defer cancel()
	numbers := make([]int16, len(fresh))
	for i, p := range fresh {
		numbers[i] = int16(p.number)
	}
	rows, err := r.Query(ctx, s.sql.load, s.queueID.Load(), numbers, r.cursor)
	if err != nil {
		return err
	}
	err = collect(rows, func(list []entry) { s.add(list, func(p *part) bool { return slices.Contains(fresh, p) }) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = slices.DeleteFunc(s.unread, func(p *part) bool { return slices.Contains(fresh, p) || s.parts[p.number] != p })
	return nil
}

// Has implements [queue.Store].
func (s *Store) Has(ctx context.Context, key string) (bool, error) {
	if s.spool != nil && s.spool.has(key) {
		return true, nil
	}
	at := placeOf(key)
	s.mu.Lock()
	has := s.index.Has(at.lane())
	s.mu.Unlock()
	if has {
		return true, nil
	}
	if !s.health.isUp() {
		return true, s.unavailable(nil)
	}
	ctx, cancel := context.WithTimeout(ctx, hasTimeout)
	defer cancel()
	if err := s.pool.QueryRow(ctx, s.sql.has, s.queueID.Load(), at.part, at.hash).Scan(&has); err != nil {
		return true, s.unavailable(err)
	}
	return has, nil
}

// hasTimeout is short, since a callback waits.
const hasTimeout = 200 * time.Millisecond

// scanItem reads a row with an event and its record of attempts.
func scanItem(row pgx.Row, before ...any) (*queue.Item, error) {
	item := new(queue.Item)
	var seq int64
	var id, key []byte
	var attempts string
	err := row.Scan(append(before, &seq, &id, &key, &item.Payload, &item.Received, &attempts)...)
	if err != nil {
		return nil, err
	}
	item.Seq, item.ID, item.Key = uint64(seq), string(id), string(key)
	if attempts = strings.TrimSpace(attempts); attempts != "" {
		err = decodeAttempts(attempts, item)
	}
	return item, err
}
