package file

import (
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func init() {
	caddy.RegisterModule(Module{})
}

// Module keeps a queue in one file, on the machine's own disk.
type Module struct {
	// The path of the file. Placeholders such as `{env.X}` are expanded when the
	// configuration is loaded. Default: `tim_callback/<name of the queue>.db` in Caddy's
	// data directory.
	Path string `json:"path,omitempty"`

	path string // absolute, with placeholders expanded
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  queue.ModuleNamespace + ".file",
		New: func() caddy.Module { return new(Module) },
	}
}

// Provision expands placeholders in the path and makes it absolute. It returns an error if a
// placeholder is unknown or empty.
func (m *Module) Provision(caddy.Context) error {
	if m.Path == "" {
		return nil
	}
	path, err := placeholder.Expand(caddy.NewReplacer(), m.Path)
	if err == nil {
		m.path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	return nil
}

// UnmarshalCaddyfile sets up the module from Caddyfile tokens. Syntax:
//
//	store file [<path>]
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume "file"
	if d.NextArg() {
		m.Path = d.Val()
	}
	if d.NextArg() {
		return d.Err("store file: wrong number of arguments")
	}
	return nil
}

// Location implements [queue.Module].
func (m *Module) Location(queueName string) string {
	if m.path != "" {
		return m.path
	}
	return filepath.Join(DefaultFolder(), queueName+".db")
}

// Place implements [queue.Module].
func (m *Module) Place(queueName string) string {
	if m.Path != "" {
		return m.Path
	}
	return m.Location(queueName)
}

// Files implements [queue.Module].
func (m *Module) Files(queueName string) []string { return []string{m.Location(queueName)} }

// DefaultFolder returns the folder of the queue files whose path is not configured.
func DefaultFolder() string { return filepath.Join(caddy.AppDataDir(), "tim_callback") }

// Open implements [queue.Module].
func (m *Module) Open(queueName string, options queue.Options) (queue.Store, error) {
	store, err := Open(Options{
		Path:    m.Location(queueName),
		Limits:  options.Limits,
		OnError: func(err error) { options.OnError(placeholder.HidePath(err, m.path, m.Path)) },
	})
	if err != nil {
		return nil, placeholder.HidePath(err, m.path, m.Path)
	}
	return store, nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
	_ queue.Module          = (*Module)(nil)
)
