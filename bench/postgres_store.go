package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/postgres"
)

// manyConns is how many connections a receiver has whose pool was made larger.
const manyConns = 64

// tables makes the tables of a store, which each round has anew.
type tables struct {
	server *rig.Postgres
	made   int
}

// module returns the module of a store with tables of its own. Its spool is in dir.
func (t *tables) module(dir string) (*postgres.Module, error) {
	t.made++
	m := &postgres.Module{DSN: t.server.URL(), Schema: fmt.Sprint("bench_", t.made), Spool: filepath.Join(dir, "spool.db")}
	return m, m.Provision(caddy.Context{})
}

func (t *tables) drop(ctx context.Context, schema string) error {
	return errors.Join(t.server.Run(ctx, "DROP SCHEMA "+schema+" CASCADE"), t.server.Settle(ctx))
}

// openWith opens the store of a module, with room for any number of events.
func openWith(m *postgres.Module) (queue.Store, error) {
	return m.Open(queue.DefaultName, queue.Options{Limits: queue.Limits{Events: 1 << 30}})
}

// kinds are the stores that are compared.
func (t *tables) kinds() []*storeKind {
	return []*storeKind{{"batch", t.openBatch}, {"single", t.openSingle}, {"single64", t.openMany}, {"store", t.openStore}}
}

// pgTables are the tables of a round.
type pgTables struct {
	*tables
	schema string
}

func (t pgTables) cpu() (time.Duration, error) { return t.server.CPU() }
func (t pgTables) close() error                { return t.drop(context.Background(), t.schema) }

// pgStore is the module's store.
type pgStore struct {
	pgTables
	queue.Store
}

func (t *tables) openStore(ctx context.Context, dir string, _ int) (store, error) {
	m, err := t.module(dir)
	if err != nil {
		return nil, err
	}
	opened, err := openWith(m)
	if err != nil {
		return nil, err
	}
	s := &pgStore{pgTables{t, m.Schema}, opened}
	if err := awaitPartitions(ctx, opened); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// awaitPartitions waits until a node that is alone has claimed all partitions.
func awaitPartitions(ctx context.Context, s queue.Store) error {
	for start := time.Now(); s.(queue.Shared).Node().Partitions < partitions; {
		if time.Since(start) > 20*time.Second {
			return errors.New("the store does not claim its partitions")
		}
		if err := rig.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// partitions is how many a store has.
const partitions = 64

func (s *pgStore) put(ctx context.Context, _ int, e rig.Event) error {
	added, err := s.Put(ctx, e)
	if err == nil && (!added || s.Counts().Spooled > 0) {
		err = errors.New("an event was taken for a duplicate, or went into the spool")
	}
	return err
}

func (s *pgStore) close() error { return errors.Join(s.Store.Close(), s.pgTables.close()) }

// openTables makes the tables of a store for somebody else.
func (t *tables) openTables(dir string) (pgTables, error) {
	m, err := t.module(dir)
	if err != nil {
		return pgTables{}, err
	}
	s, err := openWith(m)
	if err != nil {
		return pgTables{}, err
	}
	return pgTables{t, m.Schema}, errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, "spool.db")))
}

// pgBatch inserts the events of all senders with one statement, from one connection.
type pgBatch struct {
	pgTables
	conn    *pgx.Conn
	insert  string
	senders int
	puts    chan rawPut
	answers []chan error
	ended   chan struct{}
}

func (t *tables) openBatch(ctx context.Context, dir string, senders int) (store, error) {
	made, err := t.openTables(dir)
	if err != nil {
		return nil, err
	}
	s := &pgBatch{pgTables: made, senders: senders, puts: make(chan rawPut, senders), answers: make([]chan error, senders), ended: make(chan struct{})}
	s.insert = `INSERT INTO ` + made.schema + `.event (queue, part, key, keyhash, id, received, payload)
		SELECT 1, part, key, keyhash, id, received, payload FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::bytea[])
		AS i (part, key, keyhash, id, received, payload)`
	for i := range s.answers {
		s.answers[i] = make(chan error, 1)
	}
	if s.conn, err = pgx.Connect(ctx, t.server.URL()); err != nil {
		return nil, errors.Join(err, made.close())
	}
	go s.write()
	return s, nil
}

func (s *pgBatch) put(_ context.Context, sender int, e rig.Event) error {
	s.puts <- rawPut{sender, e}
	return <-s.answers[sender]
}

// lastOfRound is how long a batch waits for senders of which some have ended.
const lastOfRound = 5 * time.Millisecond

func (s *pgBatch) write() {
	defer close(s.ended)
	var waiting []rawPut
	for p := range s.puts {
		waiting = append(waiting[:0], p)
		late := time.NewTimer(lastOfRound)
	gather:
		for len(waiting) < s.senders {
			select {
			case p, ok := <-s.puts:
				if !ok {
					break gather
				}
				waiting = append(waiting, p)
			case <-late.C:
				break gather
			}
		}
		late.Stop()
		err := s.insertAll(waiting)
		for _, p := range waiting {
			s.answers[p.sender] <- err
		}
	}
}

func (s *pgBatch) insertAll(list []rawPut) error {
	n := len(list)
	part, hash, received := make([]int16, n), make([]int64, n), make([]time.Time, n)
	key, id, payload := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	now := time.Now()
	for i, p := range list {
		part[i], hash[i] = place(p.event.Key)
		key[i], id[i], received[i], payload[i] = []byte(p.event.Key), []byte(p.event.ID), now, p.event.Payload
	}
	_, err := s.conn.Exec(context.Background(), s.insert, part, key, hash, id, received, payload)
	return err
}

func (s *pgBatch) close() error {
	close(s.puts)
	<-s.ended
	return errors.Join(s.conn.Close(context.Background()), s.pgTables.close())
}

// pgSingle inserts each event by itself, as a hand-written receiver does.
type pgSingle struct {
	pgTables
	pool   *pgxpool.Pool
	insert string
}

func (t *tables) openSingle(ctx context.Context, dir string, _ int) (store, error) {
	return t.openPool(ctx, dir, 0)
}

func (t *tables) openMany(ctx context.Context, dir string, senders int) (store, error) {
	return t.openPool(ctx, dir, min(senders, manyConns))
}

// openPool opens a receiver with so many connections, or as many as a pool of pgx has if nothing is set: one
// for each core, and at least 4.
func (t *tables) openPool(ctx context.Context, dir string, conns int) (store, error) {
	made, err := t.openTables(dir)
	if err != nil {
		return nil, err
	}
	s := &pgSingle{pgTables: made}
	s.insert = `INSERT INTO ` + made.schema + `.event (queue, part, key, keyhash, id, received, payload)
		VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	if err := s.connect(ctx, conns); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// connect opens all connections, so that a round has them from its start on; n is 0 for the number that pgx chooses.
func (s *pgSingle) connect(ctx context.Context, n int) error {
	config, err := pgxpool.ParseConfig(s.server.URL())
	if err != nil {
		return err
	}
	if n > 0 {
		config.MaxConns = int32(n)
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	for range config.MaxConns {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
	}
	return nil
}

func (s *pgSingle) put(ctx context.Context, _ int, e rig.Event) error {
	part, hash := place(e.Key)
	tag, err := s.pool.Exec(ctx, s.insert, part, []byte(e.Key), hash, []byte(e.ID), time.Now(), e.Payload)
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("an event was taken for a duplicate")
	}
	return err
}

func (s *pgSingle) close() error {
	if s.pool != nil {
		s.pool.Close()
	}
	return s.pgTables.close()
}

// compareStores compares how fast events become durable.
func compareStores(ctx context.Context, o *postgresOptions) error {
	t := &storeTest{dir: o.rig.Dir, duration: time.Duration(o.seconds) * time.Second, payload: o.payload}
	made := &tables{server: o.server}
	kinds := made.kinds()
	names := rig.Names(kinds)
	if o.only != "" {
		kinds = nil
		for _, k := range made.kinds() {
			if strings.Contains(","+o.only+",", ","+k.name+",") {
				kinds = append(kinds, k)
			}
		}
	}
	for _, t.senders = range o.senders {
		fmt.Printf("\n%d senders, events/s in the order of measuring:\n", t.senders)
		rounds, err := rig.Alternate(o.rounds, kinds, eventsPerSecond, func(k *storeKind) (storeResult, error) { return t.measure(ctx, k) })
		if err != nil {
			return err
		}
		rounds.PrintMedians("; CPU is that of PostgreSQL and of the senders too.", "", names, storeQuantities...)
		rounds.PrintRatios("events/s", eventsPerSecond, 2, rig.Pair{One: "store", Other: "batch"}, rig.Pair{One: "store", Other: "single"}, rig.Pair{One: "store", Other: "single64"})
	}
	if o.profile != "" {
		return t.takeProfile(ctx, kinds[len(kinds)-1], o.profile)
	}
	return nil
}
