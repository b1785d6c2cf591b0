package timcallback

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

// feasibility tells whether a server can do something.
type feasibility int

const (
	never feasibility = iota
	perhaps
	surely
)

// checkServer returns an error if the server can never meet what the handler demands of
// a connection, so that every callback would be refused. It only warns if another
// server can, as for a site with an http:// and an https:// address, or if a plugin may.
func (h *Handler) checkServer(ctx caddy.Context, server *caddyhttp.Server) error {
	app, nested := lineage(ctx)
	if nested {
		return nil // in deliver, requests look as if they had arrived over TLS
	}
	for _, check := range []struct {
		demanded bool
		can      func(*caddyhttp.Server, int) feasibility
		problem  string
	}{
		{
			!h.AllowHTTP, https,
			"it serves only plain HTTP and trusts no proxy, so every callback would be refused: " +
				"use HTTPS, set trusted_proxies if a proxy in front ends TLS, or set allow_http for development",
		},
		{
			h.RequireClientCert, clientCerts,
			"it does not verify TLS client certificates, which require_client_cert demands, so every callback would be refused: " +
				"set the mode of client_auth in tls to verify_if_given or require_and_verify",
		},
	} {
		if !check.demanded || check.can(server, httpPort(app)) == surely {
			continue
		}
		elsewhere := app == nil
		if app != nil {
			for _, other := range app.Servers {
				elsewhere = elsewhere || check.can(other, httpPort(app)) != never
			}
		}
		err := fmt.Errorf("server on %s: %s", site(server), check.problem)
		if !elsewhere {
			return err
		}
		h.logger.Warn(err.Error())
		return nil // other problems have the same cause
	}
	return nil
}

// lineage looks at the modules that contain the handler: it returns the HTTP app, if
// that is one of them, and whether another handler of this kind is.
func lineage(ctx caddy.Context) (app *caddyhttp.App, nested bool) {
	handlers := 0
	for _, module := range ctx.Modules() {
		switch m := module.(type) {
		case *caddyhttp.App:
			app = m
		case *Handler:
			handlers++
		}
	}
	return app, handlers > 1
}

func httpPort(app *caddyhttp.App) int {
	if app == nil || app.HTTPPort == 0 {
		return caddyhttp.DefaultHTTPPort
	}
	return app.HTTPPort
}

// https tells whether callbacks can arrive over HTTPS at a server, or at a proxy that
// it trusts.
func https(server *caddyhttp.Server, httpPort int) feasibility {
	if usesTLS(server, httpPort) || server.TrustedProxiesUnix || has(server, "TrustedProxiesRaw", "trustedProxies") {
		return surely
	}
	return byPlugin(server)
}

// clientCerts tells whether a server can verify a client's certificate.
func clientCerts(server *caddyhttp.Server, httpPort int) feasibility {
	if usesTLS(server, httpPort) && slices.ContainsFunc(server.TLSConnPolicies, verifiesClients) {
		return surely
	}
	return byPlugin(server)
}

// usesTLS tells whether Caddy ends TLS on a listener. Automatic HTTPS is set up before
// handlers are provisioned.
func usesTLS(server *caddyhttp.Server, httpPort int) bool {
	return len(server.TLSConnPolicies) > 0 && slices.ContainsFunc(server.Listen, func(text string) bool {
		address, err := caddy.ParseNetworkAddress(text)
		return err != nil || address.PortRangeSize() > 1 || address.StartPort != uint(httpPort)
	})
}

// verifiesClients tells whether a connection policy verifies client certificates, or
// will do so once it is provisioned.
func verifiesClients(policy *caddytls.ConnectionPolicy) bool {
	if policy.TLSConfig != nil {
		return policy.TLSConfig.ClientAuth >= tls.VerifyClientCertIfGiven
	}
	c := policy.ClientAuthentication
	// without a mode, Caddy verifies if there is something to verify against
	return c != nil && c.Active() && c.Mode != "request" && c.Mode != "require"
}

// byPlugin tells whether a plugin may end TLS, rather than Caddy's own listeners.
func byPlugin(server *caddyhttp.Server) feasibility {
	if has(server, "ListenerWrappersRaw", "listenerWrappers") {
		return perhaps
	}
	for _, text := range server.Listen {
		address, err := caddy.ParseNetworkAddress(text)
		if err != nil || address.Network != "tcp" && address.Network != "tcp4" && address.Network != "tcp6" && !address.IsUnixNetwork() && !address.IsFdNetwork() {
			return perhaps
		}
	}
	return never
}

// has tells whether a server has some modules. Caddy keeps their configuration in one
// field until it provisions them, and then only the modules in another one.
func has(server *caddyhttp.Server, configured, provisioned string) bool {
	v := reflect.ValueOf(server).Elem()
	for _, name := range []string{configured, provisioned} {
		// in a version of Caddy without the field, nobody knows
		if field := v.FieldByName(name); !field.IsValid() || !field.IsZero() {
			return true
		}
	}
	return false
}

// site says where the handler that is being provisioned is, for errors.
func site(server *caddyhttp.Server) string {
	for _, route := range server.Routes {
		if len(route.HandlersRaw) > 0 { // Caddy removes it once the route is provisioned
			return place(server, route)
		}
	}
	return place(server, caddyhttp.Route{})
}

// place returns a server's addresses and the host names of one of its routes.
func place(server *caddyhttp.Server, route caddyhttp.Route) string {
	addresses := strings.Join(server.Listen, ", ")
	var hosts []string
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if m, ok := matcher.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *m...)
			}
		}
	}
	if len(hosts) == 0 {
		return addresses
	}
	return fmt.Sprintf("%s (%s)", addresses, strings.Join(hosts, ", "))
}
