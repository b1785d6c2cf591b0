package pgtest

import (
	"fmt"
	"strings"
)

// superuser is the role that this package itself uses. It needs no password.
const superuser = "postgres"

// config is what the options change.
type config struct {
	settings [][2]string // later ones win
	access   []string    // lines of pg_hba.conf
	method   string      // of everybody but the superuser
	tls      bool
	through  string // address of the primary, for its standby
}

// Option changes how a server is started.
type Option func(*config)

// Set changes a setting of the server.
func Set(name, value string) Option {
	return func(c *config) { c.settings = append(c.settings, [2]string{name, value}) }
}

// PasswordAuth demands a password of every role but the superuser, with SCRAM. Without
// it every role is trusted.
func PasswordAuth() Option { return func(c *config) { c.method = "scram-sha-256" } }

// Access adds a line to pg_hba.conf. It takes precedence over all others except those
// of the superuser.
func Access(line string) Option {
	return func(c *config) { c.access = append(c.access, line) }
}

// TLS lets the server accept encrypted connections, too, with a certificate of its own,
// see [Server.Certificate].
func TLS() Option { return func(c *config) { c.tls = true } }

// Through lets a standby reach its primary at another address, such as that of a
// [Proxy].
func Through(address string) Option { return func(c *config) { c.through = address } }

// newConfig returns what a primary has without options. A commit is durable, as it is by
// default, since that is what tests of stores rely on.
func newConfig(options []Option) *config {
	c := &config{method: "trust", settings: [][2]string{
		{"listen_addresses", "127.0.0.1"},
		{"unix_socket_directories", ""},
		{"fsync", "on"},
		{"shared_buffers", "32MB"},
		{"max_connections", "60"},
		{"wal_level", "replica"},
		{"hot_standby", "on"},
		{"lc_messages", "C"},
		{"dynamic_shared_memory_type", "mmap"}, // nothing outside of the folder survives the server
		{"wal_keep_size", "256MB"},             // a standby that was away can catch up
		{"wal_retrieve_retry_interval", "100ms"},
		{"log_line_prefix", "%m [%p] %a "},
	}}
	c.apply(options)
	return c
}

func (c *config) apply(options []Option) {
	for _, option := range options {
		option(c)
	}
	if c.tls {
		c.settings = append(c.settings, [2]string{"ssl", "on"})
	}
}

// lines returns the settings as lines of a configuration file.
func (c *config) lines() string {
	var b strings.Builder
	for _, s := range c.settings {
		fmt.Fprintf(&b, "%s = %s\n", s[0], quoted(s[1]))
	}
	return b.String()
}

// hba returns the whole pg_hba.conf.
func (c *config) hba() string {
	lines := []string{
		"host all " + superuser + " 127.0.0.1/32 trust",
		"host replication " + superuser + " 127.0.0.1/32 trust",
	}
	lines = append(lines, c.access...)
	lines = append(lines, "host all all 127.0.0.1/32 "+c.method)
	return strings.Join(lines, "\n") + "\n"
}

// quoted returns a string in quotes, for SQL and for configuration files.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
