package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

// lookAtOnce is how many events one query reads, if not all of them are listed.
const lookAtOnce = 1000

// Events implements [queue.Store]. It only reads. Of what waits on this machine until PostgreSQL takes it,
// it lists what does not belong to a queue of its own.
func (s *Store) Events(ctx context.Context, q queue.Query) (queue.Page, error) {
	l, err := listing.New(q)
	if err != nil {
		return queue.Page{}, err
	}
	if s.isClosing() {
		return queue.Page{}, queue.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	defer context.AfterFunc(s.killed, cancel)()
	some := s.list
	if len(q.IDs) > 0 {
		places, err := s.placesOf(ctx, q.IDs)
		if err != nil {
			return queue.Page{}, s.unavailable(err)
		}
		some = func(ctx context.Context, l *listing.List, from listing.Place) (listing.Place, bool, error) {
			return s.listPlaces(ctx, l, from, places)
		}
	}
	return l.Sections(func(from listing.Place) (listing.Place, error) {
		list := some
		if from.Section == listing.Spooled {
			list = s.listSpool
		}
		for {
			last, more, err := list(ctx, l, from)
			if err != nil || !more || l.Full() {
				return last, err
			}
			from = last
		}
	})
}

// list lists events of a section. It returns the last place that it has looked at, and whether there are
// more behind it.
func (s *Store) list(ctx context.Context, l *listing.List, from listing.Place) (last listing.Place, more bool, err error) {
	n := l.AtOnce(lookAtOnce)
	switch from.Section {
	case listing.Live:
		if l.Query.State == queue.InFlight {
			return s.listPlaces(ctx, l, from, s.taken())
		}
		last, rows, err := s.listRows(ctx, l, from, s.sql.eventsLive, s.queueID.Load(), allParts, int64(from.N), n, max(n/16, 8))
		return last, rows > 0, err
	case listing.Dead:
		last, rows, err := s.listRows(ctx, l, from, s.sql.eventsDead, s.queueID.Load(), int64(from.N), n)
		return last, rows == n, err
	}
	last, rows, err := s.listRows(ctx, l, from, s.sql.eventsRetained, s.queueID.Load(), time.UnixMicro(int64(from.N)), int64(from.M), n)
	return last, rows == n, err
}

// taken returns the places of the events that this node has in flight.
func (s *Store) taken() (places []listing.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq := range s.flights {
		places = append(places, listing.Place{Section: listing.Live, N: seq})
	}
	slices.SortFunc(places, listing.Place.Compare)
	return places
}

// placesOf returns the places of the events with these IDs.
func (s *Store) placesOf(ctx context.Context, ids []string) (places []listing.Place, err error) {
	for chunk := range slices.Chunk(ids, maxBatch) {
		raw := make([][]byte, len(chunk))
		for i, id := range chunk {
			raw[i] = []byte(id)
		}
		rows, err := s.pool.Query(ctx, s.sql.eventPlaces, s.queueID.Load(), raw)
		if err != nil {
			return nil, err
		}
		var r eventRow
		_, err = pgx.ForEachRow(rows, r.columns(), func() error {
			places = append(places, r.place())
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(places, listing.Place.Compare)
	return slices.Compact(places), nil
}

// listPlaces lists the events of a section at these places, which are sorted.
func (s *Store) listPlaces(ctx context.Context, l *listing.List, from listing.Place, places []listing.Place) (last listing.Place, more bool, err error) {
	first, _ := slices.BinarySearchFunc(places, from, listing.Place.Compare)
	var seqs []int64
	for _, at := range places[first:] {
		if at.Section != from.Section || at == from {
			continue
		}
		if more = len(seqs) == l.AtOnce(lookAtOnce); more {
			break
		}
		last = at
		seqs = append(seqs, int64(seqOf(at)))
	}
	if len(seqs) == 0 {
		return from, false, nil
	}
	_, _, err = s.listRows(ctx, l, from, s.sql.eventsAt, s.queueID.Load(), seqs)
	return last, more, err
}

// listRows lists the events that a statement selects, and returns the place and the number of the last
// one. If an event of another section is among them, it has moved since its place was looked up.
func (s *Store) listRows(ctx context.Context, l *listing.List, from listing.Place, statement string, args ...any) (last listing.Place, n int, err error) {
	rows, err := s.pool.Query(ctx, statement, args...)
	if err != nil {
		return from, 0, s.unavailable(err)
	}
	defer rows.Close()
	var list []eventRow
	for rows.Next() {
		var r eventRow
		if r.item, err = scanItem(rows, r.columns()...); err != nil {
			return from, 0, s.unavailable(err)
		}
		r.chosen = l.Query.Chooses(r.item)
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return from, 0, s.unavailable(err)
	}
	slices.SortFunc(list, func(a, b eventRow) int { return a.place().Compare(b.place()) })
	s.mu.Lock()
	defer s.mu.Unlock()
	last = from
	for i := range list {
		r := &list[i]
		if r.place().Section != from.Section {
			continue
		}
		if l.Full() {
			break
		}
		last = r.place()
		l.Looked()
		if e := s.entry(r); r.chosen && l.Query.Wants(e.State) {
			l.Add(e, last)
		}
	}
	return last, len(list), nil
}

// eventRow is a row of a statement that selects events.
type eventRow struct {
	seq   int64
	state int16
	part  int16
	hash  int64
	died  *int64
	ended *time.Time
	due   *time.Time
	item  *queue.Item

	chosen bool // by the query, apart from its state
}

func (r *eventRow) columns() []any {
	return []any{&r.seq, &r.state, &r.part, &r.hash, &r.died, &r.ended, &r.due}
}

// place is the place of the event. That of a dead letter has its sequence number too.
func (r *eventRow) place() listing.Place {
	switch {
	case r.state == stateDead && r.died != nil:
		return listing.Place{Section: listing.Dead, N: uint64(*r.died), M: uint64(r.seq)}
	case r.state == stateDelivered && r.ended != nil:
		return listing.Place{Section: listing.Delivered, N: uint64(r.ended.UnixMicro()), M: uint64(r.seq)}
	}
	return listing.Place{Section: listing.Live, N: uint64(r.seq)}
}

func seqOf(at listing.Place) uint64 {
	if at.Section == listing.Live {
		return at.N
	}
	return at.M
}

// entry makes an entry of a row. The caller holds s.mu.
func (s *Store) entry(r *eventRow) queue.Entry {
	e := queue.Entry{Item: *r.item}
	switch r.state {
	case stateDead:
		e.State = queue.DeadLetter
		return e
	case stateDelivered:
		e.State, e.Ended = queue.Delivered, *r.ended
		return e
	}
	e.State = queue.Waiting
	mine := s.parts[r.part] != nil
	switch {
	case s.flights[e.Seq] != nil:
		e.State = queue.InFlight
	case r.due == nil, mine && !s.index.Delayed(uint64(r.hash), e.Seq), !r.due.After(s.options.now()):
	default:
		e.Due = *r.due
		if latest := s.options.now().Add(s.limits.Load().Wait); e.Due.After(latest) {
			e.Due = latest
		}
	}
	return e
}

// listSpool lists events of the spool.
func (s *Store) listSpool(ctx context.Context, l *listing.List, from listing.Place) (last listing.Place, more bool, err error) {
	if s.spool == nil || s.spool.busy() {
		return from, false, nil
	}
	q := l.Query
	q.After = listing.Place{Section: listing.Live, N: from.N}.String()
	q.Limit, q.Look = l.Query.Limit-len(l.Entries), l.Left()
	page, err := s.spool.Events(ctx, q)
	if err != nil {
		return from, false, err
	}
	for _, e := range page.Entries {
		if e.State == queue.Waiting || e.State == queue.InFlight {
			l.Add(e, listing.Place{Section: listing.Spooled, N: e.Seq})
		}
	}
	next, err := listing.Parse(page.Next)
	return listing.Place{Section: listing.Spooled, N: next.N}, next.Section == listing.Live, err
}
