package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

func init() {
	caddy.RegisterModule(Module{})
}

// The defaults of a [Module].
const (
	DefaultSchema = "tim_callback"
	DefaultLease  = 10 * time.Second
)

// minLease is the shortest lease that can be renewed in time.
const minLease = time.Second

var validSchema = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// Off is the value of the options spool and migrations that switches them off.
const Off = "off"

// Module keeps a queue in a PostgreSQL database, which several Caddys share.
type Module struct {
	// The connection string, as a URL such as `postgres://user@host/db?sslmode=verify-full` or
	// as `key=value` pairs. What it leaves out comes from the environment variables of libpq,
	// such as `PGPASSWORD`. Placeholders such as `{env.X}` and `{file.X}` are expanded when the
	// configuration is loaded. Default: the environment variables alone.
	DSN string `json:"dsn,omitempty"`

	// The schema of the tables. Default: `tim_callback`.
	Schema string `json:"schema,omitempty"`

	// The file in which this machine keeps events while PostgreSQL does not confirm them in time,
	// or `off`. Then such callbacks are answered 503. Placeholders are expanded when the
	// configuration is loaded. Default: the file that `store file` would use, so the events of an
	// existing queue file move to PostgreSQL.
	Spool string `json:"spool,omitempty"`

	// After what time without a sign of life from a Caddy the others deliver its events. A Caddy
	// that has lost its connection stops delivering within that time. At least one second.
	// Default: `10s`.
	Lease caddy.Duration `json:"lease,omitempty"`

	// `off` means that the tables are made and updated by hand. Default: Caddy does that when it
	// starts.
	Migrations string `json:"migrations,omitempty"`

	spool  string // absolute, with placeholders expanded
	target *target
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  queue.ModuleNamespace + ".postgres",
		New: func() caddy.Module { return new(Module) },
	}
}

// Provision expands placeholders and checks the options. It connects to nothing.
func (m *Module) Provision(caddy.Context) (err error) {
	if m.Schema == "" {
		m.Schema = DefaultSchema
	}
	if m.Lease == 0 {
		m.Lease = caddy.Duration(DefaultLease)
	}
	switch {
	case !validSchema.MatchString(m.Schema):
		return errors.New("schema: a name has 1 to 63 characters, of a-z, 0-9 and _, and does not begin with a digit")
	case time.Duration(m.Lease) < minLease:
		return fmt.Errorf("lease: %s is shorter than %s", time.Duration(m.Lease), minLease)
	case m.Migrations != "" && m.Migrations != Off:
		return fmt.Errorf("migrations: %q is not %q", m.Migrations, Off)
	}
	if m.Spool != "" && m.Spool != Off {
		path, err := placeholder.Expand(caddy.NewReplacer(), m.Spool)
		if err == nil {
			m.spool, err = filepath.Abs(path)
		}
		if err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	dsn := m.DSN
	if dsn != "" {
		if dsn, err = placeholder.Expand(caddy.NewReplacer(), dsn); err != nil {
			return fmt.Errorf("dsn: %w", err)
		}
	}
	if m.target, err = parseTarget(dsn, m.DSN != dsn); err != nil {
		return fmt.Errorf("dsn: %w", err)
	}
	return nil
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	store postgres [<dsn>] [{
//	    dsn <dsn>
//	    schema <name>
//	    spool off|<path>
//	    lease <duration>
//	    migrations off
//	}]
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume "postgres"
	if d.NextArg() {
		m.DSN = d.Val()
	}
	if d.NextArg() {
		return d.Err("store postgres: wrong number of arguments")
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] || name == "dsn" && m.DSN != "" {
			return d.Errf("store postgres: %s is set twice", name)
		}
		seen[name] = true
		var value string
		if !d.AllArgs(&value) {
			return d.Errf("store postgres: %s: wrong number of arguments", name)
		}
		switch name {
		case "dsn":
			m.DSN = value
		case "schema":
			m.Schema = value
		case "spool":
			m.Spool = value
		case "lease":
			lease, err := caddy.ParseDuration(value)
			if err != nil || lease <= 0 {
				return d.Errf("store postgres: lease is not a duration greater than zero, such as 10s")
			}
			m.Lease = caddy.Duration(lease)
		case "migrations":
			if value != Off {
				return d.Errf("store postgres: migrations: only %q can be set", Off)
			}
			m.Migrations = value
		default:
			return d.Errf("store postgres: unknown option %s", name)
		}
	}
	return nil
}

// Location implements [queue.Module]. It has no password.
func (m *Module) Location(queueName string) string {
	return fmt.Sprintf("PostgreSQL, %s, schema %s, queue %s", m.target, m.Schema, queueName)
}

// Place implements [queue.Module].
func (m *Module) Place(queueName string) string {
	if m.target.hidden {
		return fmt.Sprintf("PostgreSQL, schema %s, queue %s", m.Schema, queueName)
	}
	return m.Location(queueName)
}

// Files implements [queue.Module].
func (m *Module) Files(queueName string) []string {
	if path := m.spoolPath(queueName); path != "" {
		return []string{path}
	}
	return nil
}

func (m *Module) spoolPath(queueName string) string {
	switch m.Spool {
	case Off:
		return ""
	case "":
		return filepath.Join(file.DefaultFolder(), queueName+".db")
	}
	return m.spool
}

// Open implements [queue.Module]. It returns an error if trying again cannot help, for example because
// the password is wrong. If the server cannot be reached, the store goes on trying by itself.
func (m *Module) Open(queueName string, options queue.Options) (queue.Store, error) {
	return open(m.options(queueName, options))
}

func (m *Module) options(queueName string, given queue.Options) options {
	return options{
		Options:    given,
		queue:      queueName,
		target:     m.target,
		schema:     m.Schema,
		lease:      time.Duration(m.Lease),
		migrations: m.Migrations != Off,
		spoolPath:  m.spoolPath(queueName),
		spoolPlace: cmp.Or(m.Spool, m.spoolPath(queueName)),
		now:        time.Now,
	}
}

// Update implements [queue.Updater]: a store that outlives a reload connects with the new settings from
// now on, for example with a new password.
func (m *Module) Update(store queue.Store) {
	if s, ok := store.(*Store); ok {
		s.update(m.target, time.Duration(m.Lease))
	}
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
	_ queue.Module          = (*Module)(nil)
)
