package timcallback

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

func init() {
	caddy.RegisterModule(FileStore{})
}

// What a [Queue] does where its configuration says nothing.
const (
	DefaultQueueName    = "default"
	DefaultWorkers      = 16
	DefaultQueueTimeout = 10 * time.Second
	DefaultRetryMin     = time.Second
	DefaultRetryMax     = 10 * time.Minute
	DefaultGiveUpAfter  = 72 * time.Hour
	DefaultMaxEvents    = 1_000_000
)

// Queue keeps acknowledged events durably and delivers each until the backend has
// taken it. It outlives reloads of the configuration.
type Queue struct {
	// The queue's name, of a-z, 0-9, _ and -, at most 64 characters. Handlers
	// that declare a queue of the same name share it, and must declare it in
	// the same way. Default: `default`.
	Name string `json:"name,omitempty"`

	// Where events are kept. Default: `{"store": "file"}`.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=tim_callback.queues inline_key=store"`

	// The route that delivers an event, usually a reverse_proxy. It is run for
	// each attempt, with a request that looks like the callback. Required.
	Deliver caddyhttp.RouteList `json:"deliver,omitempty"`

	// How many events are being delivered at a time, each of another user.
	// Default: 16.
	Workers int `json:"workers,omitempty"`

	// How long an attempt may take. Default: `10s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// When an event is tried again, and for how long.
	Retry Retry `json:"retry,omitzero"`

	// How many events are kept, dead letters included. Beyond it storing fails,
	// and callbacks are answered 503. Default: 1000000.
	MaxEvents int `json:"max_events,omitempty"`

	store       StoreModule
	deliverText string // as configured; Caddy forgets that when it loads modules
}

// Retry is when an event is tried again that could not be delivered.
type Retry struct {
	// The wait after the first attempt; it doubles with each further one.
	// Default: `1s`.
	Min caddy.Duration `json:"min,omitempty"`

	// The longest wait. Default: `10m`.
	Max caddy.Duration `json:"max,omitempty"`

	// How long after its first attempt an event becomes a dead letter.
	// Default: `72h`.
	GiveUpAfter caddy.Duration `json:"give_up_after,omitempty"`
}

// StoreModule is a module of the namespace tim_callback.queues: a kind of store.
type StoreModule interface {
	// Location is where the store of this queue is. Two queues that have the
	// same one would be in each other's way.
	Location(queueName string) string

	// Open opens the store of this queue.
	Open(queueName string, options StoreOptions) (queue.Store, error)
}

// StoreOptions are what all kinds of stores are told.
type StoreOptions struct {
	MaxEvents int
	OnError   func(error) // told when the store cannot write, and nil when it can again
}

// FileStore keeps a queue in one file, on the machine's own disk.
type FileStore struct {
	// The file. Default: `tim_callback/<queue's name>.db` in Caddy's data directory.
	Path string `json:"path,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (FileStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "tim_callback.queues.file",
		New: func() caddy.Module { return new(FileStore) },
	}
}

// Provision expands placeholders in the path and makes it absolute.
func (s *FileStore) Provision(caddy.Context) error {
	if s.Path == "" {
		return nil
	}
	path, err := caddy.NewReplacer().ReplaceOrErr(s.Path, true, true)
	if err == nil {
		s.Path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	return nil
}

// Location implements [StoreModule].
func (s *FileStore) Location(queueName string) string {
	if s.Path != "" {
		return s.Path
	}
	return filepath.Join(fileStoreFolder(), queueName+".db")
}

// fileStoreFolder is where files are whose path is not configured.
func fileStoreFolder() string { return filepath.Join(caddy.AppDataDir(), "tim_callback") }

// Open implements [StoreModule].
func (s *FileStore) Open(queueName string, options StoreOptions) (queue.Store, error) {
	return file.Open(file.Options{Path: s.Location(queueName), MaxEvents: options.MaxEvents, OnError: options.OnError})
}

var queueName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// provision sets defaults and loads the store's module and the route. It opens nothing.
func (q *Queue) provision(ctx caddy.Context) error {
	q.setDefaults()
	if err := q.check(); err != nil {
		return fmt.Errorf("queue %s: %w", q.Name, err)
	}
	if q.StoreRaw == nil {
		q.StoreRaw = json.RawMessage(`{"store":"file"}`)
	}
	module, err := ctx.LoadModule(q, "StoreRaw")
	if err != nil {
		return fmt.Errorf("queue %s: store: %w", q.Name, err)
	}
	q.store = module.(StoreModule)
	text, err := json.Marshal(q.Deliver)
	if err != nil {
		return fmt.Errorf("queue %s: deliver: %w", q.Name, err)
	}
	q.deliverText = string(text)
	if err := q.Deliver.Provision(ctx); err != nil {
		return fmt.Errorf("queue %s: deliver: %w", q.Name, err)
	}
	return nil
}

func (q *Queue) setDefaults() {
	if q.Name == "" {
		q.Name = DefaultQueueName
	}
	if q.Workers == 0 {
		q.Workers = DefaultWorkers
	}
	if q.MaxEvents == 0 {
		q.MaxEvents = DefaultMaxEvents
	}
	for _, d := range []struct {
		value     *caddy.Duration
		otherwise time.Duration
	}{
		{&q.Timeout, DefaultQueueTimeout},
		{&q.Retry.Min, DefaultRetryMin},
		{&q.Retry.Max, DefaultRetryMax},
		{&q.Retry.GiveUpAfter, DefaultGiveUpAfter},
	} {
		if *d.value == 0 {
			*d.value = caddy.Duration(d.otherwise)
		}
	}
}

func (q *Queue) check() error {
	switch {
	case !queueName.MatchString(q.Name):
		return errors.New("a name has 1 to 64 of a-z, 0-9, _ and -")
	case len(q.Deliver) == 0:
		return errors.New("deliver is missing: without it nothing is ever delivered")
	case q.Workers < 0:
		return fmt.Errorf("workers: %d is not greater than zero", q.Workers)
	case q.MaxEvents < 0:
		return fmt.Errorf("max_events: %d is not greater than zero", q.MaxEvents)
	case q.Timeout < 0 || q.Retry.Min < 0 || q.Retry.Max < 0 || q.Retry.GiveUpAfter < 0:
		return errors.New("timeout, retry and give_up_after are greater than zero")
	case q.Retry.Max < q.Retry.Min:
		return fmt.Errorf("retry: the longest wait %s is shorter than the first %s", time.Duration(q.Retry.Max), time.Duration(q.Retry.Min))
	}
	return nil
}

// storeName is the kind of store, as configured.
func (q *Queue) storeName() string {
	module, ok := q.store.(caddy.Module)
	if !ok {
		return ""
	}
	return module.CaddyModule().ID.Name()
}

// differences names what two declarations of one queue do not agree in.
func (q *Queue) differences(other *Queue) []string {
	var names []string
	differ := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			names = append(names, name)
		}
	}
	differ("store", q.store.Location(q.Name), other.store.Location(other.Name))
	differ("workers", q.Workers, other.Workers)
	differ("timeout", q.Timeout, other.Timeout)
	differ("retry", q.Retry, other.Retry)
	differ("max_events", q.MaxEvents, other.MaxEvents)
	differ("deliver", q.deliverText, other.deliverText)
	return names
}

// Interface guards
var (
	_ caddy.Provisioner = (*FileStore)(nil)
	_ StoreModule       = (*FileStore)(nil)
)
