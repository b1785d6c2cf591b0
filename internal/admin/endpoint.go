package admin

import (
	"context"
	"sync"
)

// endpoint ends when the admin endpoint of a configuration is replaced by that of another one. Caddy
// tells nobody, but it makes the new one's API then.
var endpoint struct {
	sync.Mutex
	config   context.Context // of the newest one
	replaced context.Context
	replace  context.CancelFunc
}

// replacedAfter returns a context that ends when an API is made for another configuration. A
// configuration may have two: also one for remote administration.
func replacedAfter(config context.Context) context.Context {
	endpoint.Lock()
	defer endpoint.Unlock()
	if endpoint.config != config {
		if endpoint.replace != nil {
			endpoint.replace()
		}
		endpoint.config = config
		endpoint.replaced, endpoint.replace = context.WithCancel(context.Background())
	}
	return endpoint.replaced
}

// untilReplaced returns a context that ends with ctx, when the configuration of the API is stopped,
// or when the admin endpoint is replaced. What is over already does not count: an endpoint outlives
// its configuration if that fails to start, and its replacement if that cannot listen.
func (a *API) untilReplaced(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	for _, end := range []context.Context{a.config, a.replaced} {
		if end.Err() != nil {
			continue
		}
		stop, before := context.AfterFunc(end, cancel), cancel
		cancel = func() {
			stop()
			before()
		}
	}
	return ctx, cancel
}
