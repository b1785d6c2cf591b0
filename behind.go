package timcallback

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// checkBehind refuses a handler that forwards although no handler comes after it: all
// callbacks would be answered 502. It only warns if the handler forwards nothing but
// decisions. It must run when all handlers are provisioned, and only looks at routes and
// subroutes, since other handlers may call anything.
func (h *Handler) checkBehind(ctx caddy.Context) error {
	forwards := h.Answer == AnswerForward && h.Queue == nil
	if !forwards && !h.decides() {
		return nil
	}
	module, err := ctx.AppIfConfigured("http")
	if err != nil {
		return nil // there is no HTTP app
	}
	app, ok := module.(*caddyhttp.App)
	if !ok {
		return nil
	}
	for _, server := range app.Servers {
		for i, route := range server.Routes {
			if !h.isLast(server.Routes, i, false) {
				continue
			}
			if !forwards { // perhaps none of these commands ever arrives
				h.logger.Warn("commands takes callbacks that ask for a decision, but no handler comes after tim_callback to decide: "+
					"they are answered as undecided says", zap.String("server", place(server, route)))
				return nil
			}
			return fmt.Errorf("server on %s: tim_callback forwards, but no handler comes after it: "+
				"add a handler such as reverse_proxy for the same requests, or set answer ack, or a queue", place(server, route))
		}
	}
	return nil
}

// isLast reports whether h is in one of several routes, or in a subroute of it, with
// no handler after it. behind tells whether handlers come after all of the routes.
func (h *Handler) isLast(routes caddyhttp.RouteList, i int, behind bool) bool {
	route := routes[i]
	if route.Terminal {
		behind = false
	} else {
		for _, later := range routes[i+1:] {
			// only the first matching route of a group is run
			behind = behind || len(later.Handlers) > 0 && (route.Group == "" || later.Group != route.Group)
		}
	}
	for n, handler := range route.Handlers {
		behind := behind || n < len(route.Handlers)-1
		switch m := handler.(type) {
		case *Handler:
			if m == h && !behind {
				return true
			}
		case *caddyhttp.Subroute:
			for j := range m.Routes {
				if h.isLast(m.Routes, j, behind) {
					return true
				}
			}
		}
	}
	return false
}
