package inspector

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// forwardingHeaders are headers with which proxies tell where a request comes from.
var forwardingHeaders = []string{"X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip"}

// refusal says why a client is not answered; "" means that it is.
func (i *Inspector) refusal(r *http.Request) string {
	const set = "Set allow_remote in the directive tim_callback_inspector to answer others, behind something that asks for a password.\n"
	switch {
	case i.AllowRemote:
		return ""
	case !isLoopback(r.RemoteAddr), !isLoopback(clientIP(r)), isForwarded(r):
		return "This page answers only clients on the same machine.\n" + set
	case !isLocalName(r.Host):
		return "This page answers only under the names localhost, 127.0.0.1 and [::1].\n" + set
	}
	return ""
}

// clientIP is who has sent the request, as Caddy tells: where a trusted proxy has forwarded it, the
// client of that proxy.
func clientIP(r *http.Request) string {
	ip, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return ip
}

// isForwarded reports whether a proxy says that the request comes from another machine, or does not say
// in a way that is understood. Caddy believes only proxies that it trusts; but a proxy that it does not
// trust is no client on this machine either.
func isForwarded(r *http.Request) bool {
	for _, name := range forwardingHeaders {
		for _, value := range r.Header.Values(name) {
			for address := range strings.SplitSeq(value, ",") {
				if !isLoopback(strings.TrimSpace(address)) {
					return true
				}
			}
		}
	}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" && !isLocalName(host) {
		return true
	}
	return r.Header.Get("Forwarded") != ""
}

// isLoopback reports whether an address, with or without a port, is one of the same machine.
func isLoopback(address string) bool {
	if ip, err := netip.ParseAddr(address); err == nil {
		return ip.Unmap().IsLoopback()
	}
	both, err := netip.ParseAddrPort(address)
	return err == nil && both.Addr().Unmap().IsLoopback()
}

// isLocalName reports whether a Host names this machine. Any other name may be that of a stranger's
// site, whose address has become 127.0.0.1 after it was loaded.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
