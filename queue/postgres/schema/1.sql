-- Version 1 of the tables in which `store postgres` keeps the queues of caddy-tim-callback.
-- Caddy applies this file itself, unless `migrations off` is set. To apply it by hand, run it
-- in one transaction as the role that will own the tables:
--
--     psql --single-transaction --file 1.sql "$DATABASE"
--
-- For another schema than tim_callback, replace that name in the whole file.

CREATE SCHEMA IF NOT EXISTS tim_callback;

CREATE TABLE tim_callback.version (
	version int NOT NULL
);

CREATE TABLE tim_callback.queue (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE
);

-- It starts beyond the numbers of any queue file, so that ce-sequence does not go back when the
-- events of a file move here.
CREATE SEQUENCE tim_callback.event_seq START 1000000000000;

-- state: 0 waits or is in flight, 1 is a dead letter, 2 was delivered
-- retained: how many bytes a delivered event counts, if more is kept of it than its ID. In a row that was
-- used again for a new event, it is what the former one counted, negated.
CREATE TABLE tim_callback.event (
	queue int NOT NULL,
	seq bigint NOT NULL DEFAULT nextval('tim_callback.event_seq'),
	part smallint NOT NULL,
	state smallint NOT NULL DEFAULT 0,
	key bytea NOT NULL,
	keyhash bigint NOT NULL,
	id bytea NOT NULL,
	received timestamptz NOT NULL,
	due timestamptz,
	died bigint,
	ended timestamptz,
	retained bigint,
	attempts text,
	payload bytea NOT NULL,
	PRIMARY KEY (queue, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
	autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX event_id ON tim_callback.event (queue, id);
CREATE INDEX event_waiting ON tim_callback.event (queue, part, seq) INCLUDE (keyhash) WHERE state = 0;
CREATE INDEX event_dead ON tim_callback.event (queue, died) WHERE state = 1;
CREATE INDEX event_delivered ON tim_callback.event (queue, ended) WHERE state = 2 AND retained IS NULL;
CREATE INDEX event_retained ON tim_callback.event (queue, ended, seq) WHERE state = 2 AND retained IS NOT NULL;

-- the numbers of dead letters, in the order in which they died
CREATE SEQUENCE tim_callback.death_seq;

-- The unique constraint makes a change of the owner wait for transactions that have locked the
-- lease FOR KEY SHARE, while its renewal does not.
CREATE TABLE tim_callback.lease (
	queue int NOT NULL,
	part smallint NOT NULL,
	owner uuid,
	expires timestamptz,
	PRIMARY KEY (queue, part),
	UNIQUE (queue, part, owner)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE tim_callback.node (
	queue int NOT NULL,
	id uuid NOT NULL,
	seen timestamptz NOT NULL,
	in_flight int NOT NULL,
	PRIMARY KEY (queue, id)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- What each node has added and removed. The sum is what a queue holds.
CREATE TABLE tim_callback.tally (
	queue int NOT NULL,
	node uuid NOT NULL,
	slot smallint NOT NULL,
	waiting bigint NOT NULL,
	dead bigint NOT NULL,
	bytes bigint NOT NULL,
	retained bigint NOT NULL DEFAULT 0, -- bytes of delivered events that are retained
	PRIMARY KEY (queue, node, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

INSERT INTO tim_callback.version VALUES (1);
