package timcallback

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// The defaults of a [Queue].
const (
	DefaultQueueName    = queue.DefaultName
	DefaultWorkers      = delivery.DefaultWorkers
	DefaultQueueTimeout = delivery.DefaultTimeout
	DefaultRetryMin     = delivery.DefaultRetryMin
	DefaultRetryMax     = delivery.DefaultRetryMax
	DefaultGiveUpAfter  = delivery.DefaultGiveUpAfter
	DefaultMaxEvents    = queue.DefaultMaxEvents
	DefaultRetainBytes  = queue.DefaultRetainBytes
)

// Values of [Queue.Order].
const (
	OrderLane = "lane"
	OrderNone = "none"
)

// Queue keeps acknowledged events on disk, and delivers each of them until the backend
// has taken it. It outlives reloads of the configuration.
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

	// How many events are delivered at the same time, with `order`
	// `lane` each of another lane. Default: 16.
	Workers int `json:"workers,omitempty"`

	// How long one attempt to deliver may take. Default: `10s`.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Which events are delivered in order: with `lane`, those of one user, conversation,
	// group and so on, one at a time; with `none`, each event for itself. Default: `lane`.
	Order string `json:"order,omitempty"`

	// When an event is tried again, and for how long.
	Retry Retry `json:"retry,omitzero"`

	// How many events are kept at most, dead letters included. When the queue is
	// full, callbacks are answered 503. Default: 1000000.
	MaxEvents int `json:"max_events,omitempty"`

	// How many bytes the kept events take at most, dead letters included. When the
	// queue is full, callbacks are answered 503. Default: no limit.
	MaxBytes int64 `json:"max_bytes,omitempty"`

	// Whether events are kept for some time after they were delivered, so that they can be
	// looked up and replayed. Default: they are not.
	Retain Retain `json:"retain,omitzero"`

	store       queue.Module
	storeKind   string
	deliverText string // as it is configured; Caddy removes that when it loads modules
}

// Retry says when an event that could not be delivered is tried again.
type Retry struct {
	// The wait after the first attempt; it doubles with each further one.
	// Default: `1s`.
	Min caddy.Duration `json:"min,omitempty"`

	// The longest wait. Default: `10m`.
	Max caddy.Duration `json:"max,omitempty"`

	// How long after its first attempt an event that cannot be delivered becomes a
	// dead letter. Default: `72h`.
	GiveUpAfter caddy.Duration `json:"give_up_after,omitempty"`
}

// Retain says how long and how much delivered events are kept. They do not count for
// `max_events` and `max_bytes`, and the oldest ones go first.
type Retain struct {
	// How long after its delivery an event is kept. Default: `0`, not at all.
	For caddy.Duration `json:"for,omitempty"`

	// How many bytes the kept events take at most. Default: 1073741824, which is 1 GiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// UnmarshalJSON tells what deliver must be, if it is something else. Unknown keys are
// errors, as in all modules of Caddy.
func (q *Queue) UnmarshalJSON(text []byte) error {
	type plain Queue
	err := caddy.StrictUnmarshalJSON(text, (*plain)(q))
	if err == nil {
		return nil
	}
	var probe struct {
		Deliver json.RawMessage `json:"deliver"`
	}
	if json.Unmarshal(text, &probe) == nil && probe.Deliver != nil {
		if err := caddy.StrictUnmarshalJSON(probe.Deliver, new(caddyhttp.RouteList)); err != nil {
			return fmt.Errorf(`deliver: a list of routes is wanted, such as [{"handle": [<handlers>]}]: %w`, err)
		}
	}
	return err
}

// provision sets defaults and loads the store's module and the route. It opens nothing.
func (q *Queue) provision(ctx caddy.Context) error {
	q.setDefaults()
	if err := queue.CheckName(q.Name); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	if err := q.check(); err != nil {
		return fmt.Errorf("queue %s: %w", q.Name, err)
	}
	if q.StoreRaw == nil {
		q.StoreRaw = json.RawMessage(`{"store":"file"}`)
	}
	var kind struct {
		Store string `json:"store"`
	}
	if err := json.Unmarshal(q.StoreRaw, &kind); err != nil {
		return fmt.Errorf("queue %s: store must be a JSON object that names the kind of store: %w", q.Name, err)
	}
	if err := checkStoreKind(kind.Store); err != nil {
		return fmt.Errorf("queue %s: %w", q.Name, err)
	}
	module, err := ctx.LoadModule(q, "StoreRaw")
	if err != nil {
		return fmt.Errorf("queue %s: store: %w", q.Name, err)
	}
	q.store, q.storeKind = module.(queue.Module), kind.Store
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

// checkStoreKind returns an error for an unknown kind of store. It names the known ones.
func checkStoreKind(kind string) error {
	var kinds []string
	for _, module := range caddy.GetModules(queue.ModuleNamespace) {
		kinds = append(kinds, module.ID.Name())
	}
	if slices.Contains(kinds, kind) {
		return nil
	}
	return fmt.Errorf("store: unknown kind of store, the known ones are: %s", strings.Join(kinds, ", "))
}

func (q *Queue) setDefaults() {
	if q.Name == "" {
		q.Name = DefaultQueueName
	}
	if q.Order == "" {
		q.Order = OrderLane
	}
	if q.Workers == 0 {
		q.Workers = DefaultWorkers
	}
	if q.MaxEvents == 0 {
		q.MaxEvents = DefaultMaxEvents
	}
	if q.Retain.For > 0 && q.Retain.MaxBytes == 0 {
		q.Retain.MaxBytes = DefaultRetainBytes
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
	case len(q.Deliver) == 0:
		return errors.New("deliver is missing: without it no event is ever delivered")
	case q.Order != OrderLane && q.Order != OrderNone:
		return fmt.Errorf("order: %q is neither %s nor %s", q.Order, OrderLane, OrderNone)
	case q.Workers < 0:
		return fmt.Errorf("workers: %d is not greater than zero", q.Workers)
	case q.MaxEvents < 0:
		return fmt.Errorf("max_events: %d is not greater than zero", q.MaxEvents)
	case q.MaxBytes < 0:
		return fmt.Errorf("max_bytes: %d is not greater than zero", q.MaxBytes)
	case q.Timeout < 0 || q.Retry.Min < 0 || q.Retry.Max < 0 || q.Retry.GiveUpAfter < 0:
		return errors.New("timeout, retry and give_up_after must be greater than zero")
	case q.Retain.For < 0 || q.Retain.MaxBytes < 0:
		return errors.New("retain: neither the time nor the size may be less than zero")
	case q.Retain.For == 0 && q.Retain.MaxBytes > 0:
		return errors.New("retain: for is missing: without it nothing is retained")
	case q.Retry.Max < q.Retry.Min:
		return fmt.Errorf("retry: the longest wait %s is shorter than the first %s", time.Duration(q.Retry.Max), time.Duration(q.Retry.Min))
	}
	return nil
}

// spec describes the queue, once it is provisioned, without how it delivers.
func (q *Queue) spec() queues.Spec {
	return queues.Spec{
		Name:   q.Name,
		Kind:   q.storeKind,
		Module: q.store,
		Limits: queue.Limits{
			Events: q.MaxEvents, Bytes: q.MaxBytes, Wait: time.Duration(q.Retry.Max), Flights: q.Workers,
			Retain: time.Duration(q.Retain.For), RetainBytes: q.Retain.MaxBytes,
		},
		Route: q.deliverText,
		Order: q.Order,
		Delivery: delivery.Options{
			Workers:     q.Workers,
			Timeout:     time.Duration(q.Timeout),
			RetryMin:    time.Duration(q.Retry.Min),
			RetryMax:    time.Duration(q.Retry.Max),
			GiveUpAfter: time.Duration(q.Retry.GiveUpAfter),
		},
	}
}
