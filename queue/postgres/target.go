package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connectTimeout is how long connecting to one host may take, unless the connection string says
// otherwise.
const connectTimeout = 3 * time.Second

// target is a database, and how to connect to it.
type target struct {
	config *pgxpool.Config // is copied before each use
	hidden bool            // whether it comes from placeholders, so that errors must not show it
	last   atomic.Int32    // which of the hosts was the primary when it was last reached
	newest newest
}

// parseTarget parses a connection string. Its errors have nothing of that string that may be secret.
func parseTarget(dsn string, hidden bool) (*target, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, explainParse(err, hidden)
	}
	conn := config.ConnConfig
	if conn.Database == "" && conn.User == "" {
		return nil, errors.New("it names neither a database nor a user")
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "caddy-tim-callback"
	}
	// a standby is of no use, and after a failover the former primary may still answer as one
	t := &target{config: config, hidden: hidden}
	conn.ValidateConnect = t.needPrimary
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}, Control: setUserTimeout}
	conn.DialFunc = dialer.DialContext
	return t, nil
}

// hosts returns how to connect to each of the hosts, first to the one that was last reached: until it has
// gone on, a paused host takes the whole of the time that connecting to it may take.
func (t *target) hosts() []*pgx.ConnConfig {
	whole := t.config.ConnConfig
	all := append([]*pgconn.FallbackConfig{{Host: whole.Host, Port: whole.Port, TLSConfig: whole.TLSConfig}}, whole.Fallbacks...)
	var list []*pgx.ConnConfig
	for _, one := range all {
		if n := len(list) - 1; n >= 0 && list[n].Host == one.Host && list[n].Port == one.Port { // with TLS and without
			list[n].Fallbacks = append(list[n].Fallbacks, one)
			continue
		}
		config := whole.Copy()
		config.Host, config.Port, config.TLSConfig, config.Fallbacks = one.Host, one.Port, one.TLSConfig, nil
		list = append(list, config)
	}
	last := int(t.last.Load())
	return append(list[last:len(list):len(list)], list[:last]...)
}

// reached notes which of the configurations that hosts has returned has led to the primary.
func (t *target) reached(config *pgx.ConnConfig) {
	whole, n := t.config.ConnConfig, int32(0)
	host, port := whole.Host, whole.Port
	for _, other := range whole.Fallbacks {
		if host == config.Host && port == config.Port {
			break
		}
		if other.Host != host || other.Port != port {
			host, port, n = other.Host, other.Port, n+1
		}
	}
	t.last.Store(n)
}

// patience is how long connecting may take, if only the last host is there.
func (t *target) patience() time.Duration {
	return t.config.ConnConfig.ConnectTimeout*time.Duration(len(t.hosts())) + time.Second
}

// String names the hosts and the database.
func (t *target) String() string {
	conn := t.config.ConnConfig
	hosts := []string{net.JoinHostPort(conn.Host, strconv.Itoa(int(conn.Port)))}
	for _, other := range conn.Fallbacks {
		if host := net.JoinHostPort(other.Host, strconv.Itoa(int(other.Port))); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return fmt.Sprintf("%s, database %s", strings.Join(hosts, " and "), cmp.Or(conn.Database, conn.User))
}

// name is String for errors and logs.
func (t *target) name() string {
	if t.hidden {
		return "the PostgreSQL of the configured dsn"
	}
	return "PostgreSQL at " + t.String()
}

// errStandby means that a server cannot be written, since it is a standby or is set to be read only.
var errStandby = errors.New("it is a read-only standby: name the primary, or several hosts of which one is the primary")

func (t *target) needPrimary(ctx context.Context, conn *pgconn.PgConn) error {
	err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn)
	switch {
	case err == nil:
		return t.newest.check(ctx, conn)
	case err.Error() == "read only connection":
		return errStandby
	}
	return err
}

// errFormer means that a server goes on as a primary although another one has taken over from it.
var errFormer = errors.New("it is a former primary: another server has taken over from it")

// newest is the primary that was the last to take over, among those that were reached. A former one that
// was only paused or cut off does not know of it, and still takes connections.
type newest struct {
	mu               sync.Mutex
	system, timeline string
	changes          atomic.Int32 // how often another primary has taken over
}

// check refuses a former primary. Each promotion begins a new timeline.
func (n *newest) check(ctx context.Context, conn *pgconn.PgConn) error {
	results, err := conn.Exec(ctx, "SELECT system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM pg_control_system()").ReadAll()
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		return nil // it does not tell
	}
	if err != nil {
		return err
	}
	system, timeline := string(results[0].Rows[0][0]), string(results[0].Rows[0][1])
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.system == system && timeline < n.timeline {
		return errFormer
	}
	if n.system != "" && (n.system != system || n.timeline != timeline) {
		n.changes.Add(1)
	}
	n.system, n.timeline = system, timeline
	return nil
}
