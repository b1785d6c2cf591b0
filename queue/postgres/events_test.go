package postgres

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

var listedEvents = flag.Int("listed-events", 20_000, "how many events of each state TestEventsOfALongQueue lists")

// TestEventsOfALongQueue checks that listing events reads no more rows than it must. With -v it tells how
// long the pages take; for numbers that count, add -listed-events 1000000.
func TestEventsOfALongQueue(t *testing.T) {
	dsn := pgtest.Start(t).DSN("postgres")
	q := newQueue(t, dsn)
	q.spool, q.limits.Retain = "", time.Hour
	s := q.open()
	fill(t, s, *listedEvents)
	for name, statement := range map[string]struct {
		sql  string
		args []any
	}{
		"live":      {s.sql.eventsLive, []any{s.queueID.Load(), allParts, int64(*listedEvents), 100, 8}},
		"dead":      {s.sql.eventsDead, []any{s.queueID.Load(), int64(*listedEvents / 2), 100}},
		"retained":  {s.sql.eventsRetained, []any{s.queueID.Load(), time.Unix(0, 0), int64(5), 100}},
		"evict":     {s.sql.evict, []any{s.queueID.Load(), s.node, time.Unix(0, 0), int64(1 << 40), 100, time.Unix(0, 0)}},
		"at places": {s.sql.eventsAt, []any{s.queueID.Load(), []int64{1, 2, 3}}},
		"places":    {s.sql.eventPlaces, []any{s.queueID.Load(), [][]byte{[]byte("1"), []byte("2")}}},
	} {
		rows, err := s.pool.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+statement.sql, statement.args...)
		if err != nil {
			t.Fatal(name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan := strings.Join(lines, "\n")
		if err != nil || strings.Contains(plan, "Seq Scan on event") {
			t.Errorf("%s: %v\n%s", name, err, plan)
		}
	}
	for _, after := range []listing.Place{{}, {Section: listing.Live, N: uint64(*listedEvents)}, {Section: listing.Dead}, {Section: listing.Dead, N: uint64(*listedEvents / 2)}, {Section: listing.Delivered}} {
		cursor := after.String()
		if after == (listing.Place{}) {
			cursor = ""
		}
		began := time.Now()
		page, err := s.Events(t.Context(), queue.Query{After: cursor})
		took := time.Since(began)
		if err != nil || len(page.Entries) != queue.DefaultPage {
			t.Errorf("after %q: %d, %v", cursor, len(page.Entries), err)
		}
		t.Logf("the page after %q took %v", cursor, took)
	}
	looked, began := 0, time.Now()
	for search := (queue.Query{Match: func(*queue.Item) bool { looked++; return false }}); ; {
		page, err := s.Events(t.Context(), search)
		if err != nil {
			t.Fatal(err)
		}
		if search.After = page.Next; search.After == "" {
			break
		}
	}
	if took := time.Since(began); looked != 3**listedEvents {
		t.Errorf("looked at %d events", looked)
	} else {
		t.Logf("looking at %d took %v", looked, took)
	}
}

// fill puts n events in each state into the tables, with numbers from 1 on that alternate.
func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	for state, columns := range []string{"NULL, NULL, NULL", "i, NULL, NULL", "NULL, now(), 500"} {
		_, err := s.pool.Exec(t.Context(), fmt.Sprintf(`INSERT INTO tim_callback.event (queue, seq, part, state, key, keyhash, id, received, died, ended, retained, payload)
			SELECT $1, 3 * i + $2, i %% 64, $2, 'key', i, ($2::text || '-' || i)::bytea, now(), %s, $3 FROM generate_series(1, $4::int) i`, columns),
			s.queueID.Load(), state, []byte(strings.Repeat("x", 400)), n)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.pool.Exec(t.Context(), "VACUUM ANALYZE tim_callback.event"); err != nil {
		t.Fatal(err)
	}
}
