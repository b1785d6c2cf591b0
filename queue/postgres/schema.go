package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// version is the version of the tables that this module uses.
const version = 1

//go:embed schema/1.sql
var schemaSQL string

// prepare makes the tables, if it may and they are missing, checks their version, and registers the
// queue. It returns the queue's number. Only the first of several nodes makes the tables.
func (s *Store) prepare(ctx context.Context, w *writer) (queueID int32, err error) {
	have, err := s.version(ctx, w)
	if isMissing(err) && s.options.migrations {
		have, err = s.migrate(ctx, w)
	}
	if err != nil {
		return 0, err
	}
	if have != version {
		return 0, s.wrongVersion(have)
	}
	schema := pgx.Identifier{s.options.schema}.Sanitize()
	err = w.QueryRow(ctx, "SELECT id FROM "+schema+".queue WHERE name = $1", s.options.queue).Scan(&queueID)
	if !errors.Is(err, pgx.ErrNoRows) {
		return queueID, err
	}
	batch := new(pgx.Batch)
	batch.Queue("INSERT INTO "+schema+".queue (name) VALUES ($1) ON CONFLICT DO NOTHING", s.options.queue)
	batch.Queue("INSERT INTO "+schema+".lease (queue, part) SELECT q.id, p FROM "+schema+".queue q, generate_series(0, $2::int) p WHERE q.name = $1 ON CONFLICT DO NOTHING",
		s.options.queue, parts)
	batch.Queue("SELECT id FROM "+schema+".queue WHERE name = $1", s.options.queue).QueryRow(func(row pgx.Row) error { return row.Scan(&queueID) })
	return queueID, w.confirm(batch)
}

func (s *Store) version(ctx context.Context, w *writer) (have int, err error) {
	err = w.QueryRow(ctx, "SELECT version FROM "+pgx.Identifier{s.options.schema, "version"}.Sanitize()).Scan(&have)
	return have, err
}

// isMissing reports whether an error says that a table or a schema does not exist.
func isMissing(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "42P01" || pgErr.Code == "3F000")
}

func (s *Store) migrate(ctx context.Context, w *writer) (have int, err error) {
	tx, err := w.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1::int, 0)", lockSchemaClass); err != nil {
		return 0, err
	}
	var made, there bool
	err = tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, to_regnamespace($2) IS NOT NULL", pgx.Identifier{s.options.schema, "version"}.Sanitize(), pgx.Identifier{s.options.schema}.Sanitize()).Scan(&made, &there)
	if err != nil {
		return 0, err
	}
	if made { // another node was faster
		_ = tx.Rollback(ctx)
		return s.version(ctx, w)
	}
	if _, err := tx.Exec(ctx, migration(s.options.schema, !there)); err != nil {
		return 0, err
	}
	return version, w.commit(tx)
}

// migration is the shipped SQL for a schema. If the schema is there already it is not made, since even
// an attempt needs rights that the user may not have.
func migration(schema string, make bool) string {
	const create = "CREATE SCHEMA IF NOT EXISTS " + DefaultSchema + ";"
	quoted := pgx.Identifier{schema}.Sanitize()
	text := strings.ReplaceAll(schemaSQL, DefaultSchema+".", quoted+".")
	if !make {
		return strings.Replace(text, create, "", 1)
	}
	return strings.Replace(text, create, "CREATE SCHEMA "+quoted+";", 1)
}

func (s *Store) wrongVersion(have int) error {
	what := "update all Caddys that use it, or apply the newer schema files that this version ships"
	if have > version {
		what = "this Caddy is too old for it: update its module"
	}
	return permanentError{fmt.Errorf("the tables in schema %s have version %d, and this module needs version %d: %s", s.options.schema, have, version, what)}
}
