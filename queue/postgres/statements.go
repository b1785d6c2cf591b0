package postgres

import "strings"

// statements are the statements of SQL of a store, for its schema. States are as in the schema:
// 0 waits or is in flight, 1 is a dead letter, 2 was delivered.
type statements struct {
	settle, lock                                       string
	put, putAgain, room, known, move                   string
	beat, renew, nodes, leases, claim, release, resign string
	poll, last, load, read                             string
	ends                                               string
	has, totals, oldest                                string
	dead, deadIDs, deadAfter, lastDead, replay, drop   string
	eventsLive, eventsDead, eventsRetained             string
	eventsAt, eventPlaces, replayAt                    string
	forget, evict, retire, merge                       string
}

// lockClass is the first of the two numbers of the advisory locks; the second one is the queue.
const (
	lockPutsClass   = 0x74696d01
	lockDeathsClass = 0x74696d02
	lockSchemaClass = 0x74696d03
)

// Transactions must be on stable storage when their commit is confirmed, whatever the server's default.
// A node that waits too long for the lock gives up: its callers have not waited as long. One that was paused
// within a transaction does not hold up the others.
const settings = `set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
	THEN 'on' ELSE current_setting('synchronous_commit') END, true), set_config('lock_timeout', '10s', true),
	set_config('idle_in_transaction_session_timeout', '5s', true)`

// stored is what happens to an event whose ID is there already. The row is locked in any case, so the
// transaction waits for the standbys too: the row may be of a transaction that did not wait.
const stored = `ON CONFLICT (queue, id) DO UPDATE SET seq = excluded.seq, part = excluded.part, state = excluded.state,
	key = excluded.key, keyhash = excluded.keyhash, received = excluded.received, due = excluded.due, died = excluded.died,
	ended = NULL, retained = -e.retained, attempts = excluded.attempts, payload = excluded.payload
	WHERE e.state = 2 AND e.ended <= `

// counted adds what was inserted to the node's tally.
const counted = `INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes, retained)
	SELECT $1, $2::uuid, 0, count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1), sum(size), coalesce(sum(retained), 0) FROM added HAVING count(*) > 0
	` + addUp

// addUp adds to a node's tally.
const addUp = `ON CONFLICT (queue, node, slot) DO UPDATE SET waiting = t.waiting + excluded.waiting, dead = t.dead + excluded.dead,
	bytes = t.bytes + excluded.bytes, retained = t.retained + excluded.retained`

// room is what the queue holds.
const room = `room AS (
	SELECT coalesce(sum(waiting + dead), 0)::bigint AS events, coalesce(sum(bytes), 0)::bigint AS bytes FROM tim_callback.tally WHERE queue = $1)`

// input is the events to be stored, none if there is no room for all of them.
const input = `SELECT part, key, keyhash, id, received, payload FROM unnest($8::smallint[], $9::bytea[], $10::bigint[], $11::bytea[], $12::timestamptz[], $13::bytea[])
	WITH ORDINALITY AS i (part, key, keyhash, id, received, payload, n) WHERE (SELECT events + $5 <= $3 AND bytes + $6 <= $4 FROM room) ORDER BY n`

// knownOf looks for IDs, and says which ones belong to events that were delivered before a time, and are
// forgotten. One ID is looked for after the other, so that the plan uses the index of IDs whatever the statistics
// say. The rows are locked, so that the transaction waits for the standbys too: they may be of a transaction that
// did not wait.
func knownOf(ids, before string) string {
	return `SELECT k.* FROM ` + ids + `, LATERAL (SELECT e.id, e.state = 2 AND e.ended <= ` + before + `::timestamptz AS forgotten
		FROM tim_callback.event e WHERE e.queue = $1 AND e.id = i.id LIMIT 1 FOR UPDATE) k`
}

func newStatements(schema string) *statements {
	q := &statements{
		settle: `SELECT ` + settings,
		lock:   `SELECT ` + settings + `, pg_advisory_xact_lock($1::int, $2::int)::text`,

		// $3 events and $4 bytes are the limits, $5 and $6 what is to be added at most. All puts hold the lock, so
		// no other one can add an ID meanwhile, and looking for them costs less than ON CONFLICT.
		put: `WITH ` + room + `, input AS MATERIALIZED (` + input + `
		), known AS MATERIALIZED (
			` + knownOf("input i", "$7") + `
		), added AS (
			INSERT INTO tim_callback.event AS e (queue, part, key, keyhash, id, received, payload)
			SELECT $1, part, key, keyhash, id, received, payload FROM input WHERE id NOT IN (SELECT id FROM known)
			RETURNING id, state, retained, ` + sizeOf + ` AS size
		), counted AS (` + counted + `)
		SELECT events, bytes, (SELECT array_agg(id) FROM known), EXISTS (SELECT FROM known WHERE forgotten) FROM room`,
		// It is slower, and also uses the rows of forgotten events again.
		putAgain: `WITH ` + room + `, added AS (
			INSERT INTO tim_callback.event AS e (queue, part, key, keyhash, id, received, payload)
			SELECT $1, part, key, keyhash, id, received, payload FROM (` + input + `) i
			` + stored + `$7::timestamptz
			RETURNING id, state, retained, ` + sizeOf + ` AS size
		), counted AS (` + counted + `)
		SELECT events, bytes, (SELECT array_agg(id) FROM added) FROM room`,
		room:  `SELECT coalesce(sum(waiting + dead), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM tim_callback.tally WHERE queue = $1`,
		known: `SELECT id FROM (` + knownOf("unnest($2::bytea[]) i (id)", "$3") + `) k WHERE NOT forgotten`,

		move: `WITH added AS (
			INSERT INTO tim_callback.event AS e (queue, part, state, key, keyhash, id, received, due, died, attempts, payload)
			SELECT $1, part, state, key, keyhash, id, received, due, CASE WHEN state = 1 THEN nextval('tim_callback.death_seq') END, attempts, payload FROM (
				SELECT * FROM unnest($4::smallint[], $5::smallint[], $6::bytea[], $7::bigint[], $8::bytea[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::bytea[])
				WITH ORDINALITY AS i (part, state, key, keyhash, id, received, due, attempts, payload, n) ORDER BY n) i
			` + stored + `$3::timestamptz
			RETURNING state, retained, ` + sizeOf + ` AS size
		), counted AS (` + counted + `)
		SELECT count(*) FROM added`,

		beat: `INSERT INTO tim_callback.node (queue, id, seen, in_flight) VALUES ($1, $2::uuid, clock_timestamp(), $3)
			ON CONFLICT (queue, id) DO UPDATE SET seen = clock_timestamp(), in_flight = $3`,
		renew: `UPDATE tim_callback.lease l SET expires = clock_timestamp() + $2::interval
			FROM unnest($3::smallint[], $4::text[]) AS mine (part, owner)
			WHERE l.queue = $1 AND l.part = mine.part AND l.owner = mine.owner::uuid RETURNING l.part`,
		nodes:  `SELECT id::text FROM tim_callback.node WHERE queue = $1 AND seen > clock_timestamp() - $2::interval`,
		leases: `SELECT part, coalesce(owner::text, ''), coalesce(expires < clock_timestamp(), true) FROM tim_callback.lease WHERE queue = $1`,
		claim: `UPDATE tim_callback.lease SET owner = $2::uuid, expires = clock_timestamp() + $3::interval
			WHERE queue = $1 AND part = ANY ($4::smallint[]) AND (owner IS NULL OR expires < clock_timestamp() OR owner = ANY ($5::text[]::uuid[])) RETURNING part`,
		release: `UPDATE tim_callback.lease l SET owner = NULL, expires = NULL
			FROM unnest($2::smallint[], $3::text[]) AS mine (part, owner)
			WHERE l.queue = $1 AND l.part = mine.part AND l.owner = mine.owner::uuid`,
		resign: `DELETE FROM tim_callback.node WHERE queue = $1 AND id = $2::uuid`,

		poll: `SELECT seq, part, keyhash, state, received, due FROM tim_callback.event WHERE queue = $1 AND seq > $2 ORDER BY seq LIMIT 10000`,
		last: `SELECT coalesce(max(seq), 0)::bigint FROM tim_callback.event WHERE queue = $1`,
		load: `SELECT seq, part, keyhash, state, received, due FROM tim_callback.event WHERE queue = $1 AND part = ANY ($2::smallint[]) AND state = 0 AND seq <= $3 ORDER BY seq`,
		read: `SELECT seq, id, key, payload, received, coalesce(attempts, '') FROM tim_callback.event WHERE queue = $1 AND seq = ANY ($2::bigint[]) AND state = 0`,

		// $3, $4: the leases. Its row stays locked until the end, so nobody else can claim it meanwhile.
		ends: `WITH held AS MATERIALIZED (
			SELECT l.part, l.owner FROM tim_callback.lease l JOIN unnest($3::smallint[], $4::text[]) AS mine (part, owner)
			ON l.part = mine.part AND l.owner = mine.owner::uuid WHERE l.queue = $1 FOR KEY SHARE OF l
		), note AS MATERIALIZED (
			SELECT seq, part, owner::uuid AS owner, state, at, attempts, size, CASE WHEN state = 1 THEN nextval('tim_callback.death_seq') END AS died
			FROM unnest($5::bigint[], $6::smallint[], $7::text[], $8::smallint[], $9::timestamptz[], $10::text[], $11::bigint[])
			AS n (seq, part, owner, state, at, attempts, size)
		), changed AS (
			UPDATE tim_callback.event e SET state = n.state, due = CASE WHEN n.state = 0 THEN n.at END, ended = CASE WHEN n.state = 2 THEN n.at END,
			died = n.died, retained = CASE WHEN n.state = 2 AND $12 THEN n.size END,
			attempts = CASE WHEN n.state < 2 OR $12 THEN n.attempts END, payload = CASE WHEN n.state < 2 OR $12 THEN e.payload ELSE ''::bytea END
			FROM note n JOIN held h ON h.part = n.part AND h.owner = n.owner
			WHERE e.queue = $1 AND e.seq = n.seq AND e.state = 0
			RETURNING n.state, n.size, e.retained
		), counted AS (
			INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes, retained)
			SELECT $1, $2::uuid, 1, -count(*), count(*) FILTER (WHERE state = 1), -coalesce(sum(size) FILTER (WHERE state = 2), 0), coalesce(sum(retained), 0)
			FROM changed WHERE state <> 0 HAVING count(*) > 0
			` + addUp + `)
		SELECT part FROM held`,

		has: `SELECT EXISTS (SELECT FROM tim_callback.event WHERE queue = $1 AND part = $2 AND state = 0 AND keyhash = $3)`,
		totals: `SELECT (SELECT coalesce(sum(in_flight), 0)::bigint FROM tim_callback.node WHERE queue = $1 AND seen > clock_timestamp() - $2::interval),
			coalesce(sum(waiting), 0)::bigint, coalesce(sum(dead), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM tim_callback.tally WHERE queue = $1`,
		oldest: `SELECT min(first.received) FROM unnest($2::smallint[]) AS p (part), LATERAL (SELECT received FROM tim_callback.event e
			WHERE e.queue = $1 AND e.part = p.part AND e.state = 0 ORDER BY e.seq LIMIT 1) first`,

		dead: `SELECT died, seq, id, key, payload, received, coalesce(attempts, '') FROM tim_callback.event
			WHERE queue = $1 AND state = 1 AND died > $2 ORDER BY died LIMIT $3`,
		deadIDs:   `SELECT died, id FROM tim_callback.event WHERE queue = $1 AND state = 1 AND id = ANY ($2::bytea[])`,
		deadAfter: `SELECT died FROM tim_callback.event WHERE queue = $1 AND state = 1 AND died > $2 AND died <= $3 ORDER BY died LIMIT $4`,
		lastDead:  `SELECT coalesce(max(died), 0)::bigint FROM tim_callback.event WHERE queue = $1 AND state = 1`,
		replay: `WITH chosen AS MATERIALIZED (
			SELECT seq, nextval('tim_callback.event_seq') AS next FROM (
				SELECT seq FROM tim_callback.event WHERE queue = $1 AND state = 1 AND died = ANY ($3::bigint[]) ORDER BY died FOR UPDATE) d
		), changed AS (
			UPDATE tim_callback.event e SET seq = c.next, state = 0, received = $4::timestamptz, due = NULL, died = NULL, attempts = NULL
			FROM chosen c WHERE e.queue = $1 AND e.seq = c.seq AND e.state = 1 RETURNING 1
		), counted AS (
			INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes)
			SELECT $1, $2::uuid, 1, count(*), -count(*), 0 FROM changed HAVING count(*) > 0
			ON CONFLICT (queue, node, slot) DO UPDATE SET waiting = t.waiting + excluded.waiting, dead = t.dead + excluded.dead)
		SELECT count(*) FROM changed`,
		// $4 events and $5 bytes are the limits, to which events that were delivered count again
		replayAt: `WITH room AS (
			SELECT coalesce(sum(waiting + dead), 0) AS events, coalesce(sum(bytes), 0) AS bytes FROM tim_callback.tally WHERE queue = $1
		), wanted AS MATERIALIZED (
			SELECT e.seq, e.state, e.retained, ` + sizeOf + ` AS size, i.n FROM unnest($3::bigint[]) WITH ORDINALITY AS i (seq, n)
			JOIN tim_callback.event e ON e.queue = $1 AND e.seq = i.seq WHERE e.state = 1 OR e.state = 2 AND e.retained IS NOT NULL
			ORDER BY i.n FOR UPDATE OF e
		), fitting AS (
			SELECT count(*) = 0 OR count(*) + (SELECT events FROM room) <= $4 AND sum(size) + (SELECT bytes FROM room) <= $5 AS ok FROM wanted WHERE state = 2
		), chosen AS MATERIALIZED (
			SELECT seq, state, retained, size, nextval('tim_callback.event_seq') AS next FROM (
				SELECT * FROM wanted WHERE (SELECT ok FROM fitting) ORDER BY n) w
		), changed AS (
			UPDATE tim_callback.event e SET seq = c.next, state = 0, received = $6::timestamptz, due = NULL, died = NULL, ended = NULL, retained = NULL, attempts = NULL
			FROM chosen c WHERE e.queue = $1 AND e.seq = c.seq AND e.state = c.state RETURNING c.state, c.retained, c.size
		), counted AS (
			INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes, retained)
			SELECT $1, $2::uuid, 1, count(*), -count(*) FILTER (WHERE state = 1), coalesce(sum(size) FILTER (WHERE state = 2), 0), -coalesce(sum(retained), 0)
			FROM changed HAVING count(*) > 0
			` + addUp + `)
		SELECT (SELECT count(*) FROM changed), (SELECT ok FROM fitting)`,
		drop: `WITH changed AS (
			DELETE FROM tim_callback.event e WHERE queue = $1 AND state = 1 AND died = ANY ($3::bigint[]) RETURNING ` + sizeOf + ` AS size
		), counted AS (
			INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes)
			SELECT $1, $2::uuid, 1, 0, -count(*), -sum(size) FROM changed HAVING count(*) > 0
			ON CONFLICT (queue, node, slot) DO UPDATE SET dead = t.dead + excluded.dead, bytes = t.bytes + excluded.bytes)
		SELECT count(*) FROM changed`,

		// The index of what waits is sorted within each partition only. So this reads $5 events of each, and
		// leaves out those behind the first place where that was not enough.
		eventsLive: `WITH w AS MATERIALIZED (
			SELECT p.part, w.seq FROM unnest($2::smallint[]) AS p (part), LATERAL (SELECT seq FROM tim_callback.event
				WHERE queue = $1 AND part = p.part AND state = 0 AND seq > $3 ORDER BY seq LIMIT $5) w
		), sure AS (SELECT min(last) AS last FROM (SELECT max(seq) AS last FROM w GROUP BY part HAVING count(*) = $5) l
		) SELECT ` + eventColumns + ` FROM (SELECT seq FROM w, sure WHERE sure.last IS NULL OR seq <= sure.last ORDER BY seq LIMIT $4) first
			JOIN tim_callback.event e ON e.queue = $1 AND e.seq = first.seq ORDER BY e.seq`,
		eventsDead: `SELECT ` + eventColumns + ` FROM tim_callback.event e WHERE queue = $1 AND state = 1 AND died > $2 ORDER BY died LIMIT $3`,
		eventsRetained: `SELECT ` + eventColumns + ` FROM tim_callback.event e WHERE queue = $1 AND state = 2 AND retained IS NOT NULL AND (ended, seq) > ($2::timestamptz, $3::bigint)
			ORDER BY ended, seq LIMIT $4`,
		eventsAt:    `SELECT ` + eventColumns + ` FROM tim_callback.event e WHERE queue = $1 AND seq = ANY ($2::bigint[]) AND ` + listed,
		eventPlaces: `SELECT ` + eventPlace + ` FROM tim_callback.event e WHERE queue = $1 AND id = ANY ($2::bytea[]) AND ` + listed,

		forget: `DELETE FROM tim_callback.event WHERE queue = $1 AND seq IN (
			SELECT seq FROM tim_callback.event WHERE queue = $1 AND state = 2 AND retained IS NULL AND ended <= $2::timestamptz ORDER BY ended LIMIT 5000)
			AND state = 2 AND retained IS NULL`,
		// $3 is since when events are retained, $4 how many bytes of them, and $5 how many to remove at most.
		// Of those that were delivered after $6 the IDs stay.
		evict: `WITH excess AS (SELECT coalesce(sum(retained), 0) - $4::bigint AS bytes FROM tim_callback.tally WHERE queue = $1
		), old AS MATERIALIZED (
			SELECT seq, ended, retained FROM (
				SELECT seq, ended, retained, sum(retained) OVER (ORDER BY ended, seq) - retained AS before FROM (
					SELECT seq, ended, retained FROM tim_callback.event WHERE queue = $1 AND state = 2 AND retained IS NOT NULL ORDER BY ended, seq LIMIT $5) o) o, excess
			WHERE ended <= $3::timestamptz OR before < excess.bytes
		), removed AS (
			DELETE FROM tim_callback.event e USING old o WHERE e.queue = $1 AND e.seq = o.seq AND o.ended <= $6::timestamptz AND e.state = 2 AND e.retained IS NOT NULL
			RETURNING o.retained
		), emptied AS (
			UPDATE tim_callback.event e SET retained = NULL, attempts = NULL, payload = ''::bytea FROM old o
			WHERE e.queue = $1 AND e.seq = o.seq AND o.ended > $6::timestamptz AND e.state = 2 AND e.retained IS NOT NULL
			RETURNING o.retained
		), gone AS (SELECT retained FROM removed UNION ALL SELECT retained FROM emptied
		), counted AS (
			INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes, retained)
			SELECT $1, $2::uuid, 1, 0, 0, 0, -sum(retained) FROM gone HAVING count(*) > 0
			` + addUp + `)
		SELECT count(*) FROM gone`,
		retire: `DELETE FROM tim_callback.node WHERE queue = $1 AND seen < clock_timestamp() - interval '10 minutes'`,
		merge: `WITH gone AS (
			DELETE FROM tim_callback.tally WHERE queue = $1 AND node <> $2::uuid AND node NOT IN (SELECT id FROM tim_callback.node WHERE queue = $1)
			RETURNING waiting, dead, bytes, retained
		) INSERT INTO tim_callback.tally AS t (queue, node, slot, waiting, dead, bytes, retained)
			SELECT $1, $2::uuid, 1, sum(waiting), sum(dead), sum(bytes), sum(retained) FROM gone HAVING count(*) > 0
			` + addUp,
	}
	for _, statement := range q.all() {
		*statement = strings.ReplaceAll(*statement, DefaultSchema+".", `"`+schema+`".`)
	}
	return q
}

func (q *statements) all() []*string {
	return []*string{
		&q.settle, &q.lock, &q.put, &q.putAgain, &q.room, &q.known, &q.move, &q.beat, &q.renew, &q.nodes, &q.leases, &q.claim, &q.release,
		&q.resign, &q.poll, &q.last, &q.load, &q.read, &q.ends, &q.has, &q.totals, &q.oldest, &q.dead, &q.deadIDs, &q.deadAfter,
		&q.lastDead, &q.replay, &q.drop, &q.eventsLive, &q.eventsDead, &q.eventsRetained, &q.eventsAt, &q.eventPlaces, &q.replayAt, &q.forget, &q.evict, &q.retire, &q.merge,
	}
}

// listed is which events there are to list: of others only the ID is remembered.
const listed = `(state < 2 OR retained IS NOT NULL)`

// The columns of an [eventRow], without and with the event.
const (
	eventPlace   = `e.seq, e.state, e.part, e.keyhash, e.died, e.ended, e.due`
	eventColumns = eventPlace + `, e.seq, e.id, e.key, e.payload, e.received, coalesce(e.attempts, '')`
)

// sizeOf is how many bytes of [queue.Limits] an event counts.
const sizeOf = `(length(e.payload) + length(e.key) + length(e.id) + 64)::bigint`

// sizeOfEvent is the same for an event in memory.
func sizeOfEvent(id, key, payload int) int64 { return int64(id + key + payload + 64) }
