package timcallback

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

const (
	plainOnly  = "serves only plain HTTP"
	noCert     = "does not verify TLS client certificates"
	noneBehind = "no handler comes after it"
)

// TestConfigurationsThatCannotWork loads Caddyfiles with Caddy. want is what the
// error says, "" if there is none, and warn what the only warning says.
func TestConfigurationsThatCannotWork(t *testing.T) {
	ca := caddytest.NewAuthority(t)
	cert, key := ca.ServerFiles(t)
	tls := fmt.Sprintf("tls %q %q", cert, key)
	auth := func(mode string) string {
		return fmt.Sprintf("tls %q %q {\nclient_auth {\nmode %s\ntrust_pool file %q\n}\n}", cert, key, mode, ca.File(t))
	}
	handler := func(options string) string { return "tim_callback 1 a {\n" + options + "\n}\nrespond 200\n" }
	const ack = "answer ack"
	port, second, third := caddytest.FreePort(), caddytest.FreePort(), caddytest.FreePort()
	http, https, other := fmt.Sprintf("http://localhost:%d", port), fmt.Sprintf("https://localhost:%d", second), fmt.Sprintf("https://127.0.0.1:%d", third)
	block := func(address, text string) string { return address + " {\nbind 127.0.0.1\n" + text + "\n}\n" }
	wrapped := "servers {\nlistener_wrappers {\nproxy_protocol\n}\n}"
	trusted := "servers {\ntrusted_proxies static 10.0.0.0/8\n}"
	queue := func() string {
		return fmt.Sprintf("queue {\nstore file %q\ndeliver {\nrespond 200\n}\n}", filepath.Join(t.TempDir(), "q.db"))
	}
	for _, tc := range []struct{ name, global, sites, want, warn string }{
		{"plain HTTP", "", block(http, handler("")), plainOnly, ""},
		{"plain HTTP in a subroute", "", block(http, "handle /x {\nroute {\n"+handler("")+"}\n}"), plainOnly, ""},
		{"plain HTTP in a named route", "", "&(callbacks) {\n" + handler("") + "}\n" + block(http, "invoke callbacks"), plainOnly, ""},
		{"plain HTTP in an error route", "", block(http, "handle_errors {\n"+handler("")+"}"), plainOnly, ""},
		{"plain HTTP, allowed", "", block(http, handler("allow_http")), "", ""},
		{"plain HTTP behind a proxy", trusted, block(http, handler("")), "", ""},
		{"plain HTTP with an unknown wrapper", wrapped, block(http, handler("")), "", plainOnly},
		{"plain HTTP and HTTPS", "", block(http, handler("")) + block(https, tls+"\n"+handler("")), "", plainOnly},
		{"redirects", "http_port " + fmt.Sprint(port), block(https, tls+"\n"+handler("")), "", ""},
		{"HTTPS", "", block(https, tls+"\n"+handler("")), "", ""},

		{"no client certificate", "", block(https, tls+"\n"+handler("require_client_cert")), noCert, ""},
		{"one that is not verified", "", block(https, auth("require")+"\n"+handler("require_client_cert")), noCert, ""},
		{"one that is verified", "", block(https, auth("require_and_verify")+"\n"+handler("require_client_cert")), "", ""},
		{"one that is verified if given", "", block(https, auth("verify_if_given")+"\n"+handler("require_client_cert")), "", ""},
		{
			"one on another site of the server", "",
			block(https, tls+"\n"+handler("require_client_cert")) + block(fmt.Sprintf("https://127.0.0.1:%d", second), auth("verify_if_given")+"\nrespond 200"), "", "",
		},
		{"one on another server", "", block(https, tls+"\n"+handler("require_client_cert")) + block(other, auth("verify_if_given")+"\nrespond 200"), "", noCert},
		{"behind a proxy", trusted, block(http, handler("require_client_cert")), noCert, ""},

		{"nothing behind", "", block(https, tls+"\ntim_callback 1 a"), noneBehind, ""},
		{"nothing behind, with a matcher", "", block(https, tls+"\ntim_callback /im 1 a\n"), noneBehind, ""},
		{"only before", "", block(https, tls+"\nroute {\nheader X 1\ntim_callback 1 a\n}"), noneBehind, ""},
		{"in another handle", "", block(https, tls+"\nhandle /im {\ntim_callback 1 a\n}\nhandle {\nrespond 200\n}"), noneBehind, ""},
		{"in an outer route", "", block(https, tls+"\nroute {\nroute {\ntim_callback 1 a\n}\nrespond 200\n}"), "", ""},
		{"under another matcher", "", block(https, tls+"\ntim_callback /im 1 a\nrespond /other 200"), "", ""},
		{"acknowledged", "", block(https, tls+"\ntim_callback 1 a {\n"+ack+"\n}"), "", ""},
		{"queued", "", block(https, tls+"\ntim_callback 1 a {\n"+queue()+"\n}"), "", ""},
		{"queued when it fails", "", block(https, tls+"\ntim_callback 1 a {\nanswer forward\n"+queue()+"\n}"), "", ""},
		{"in a named route", "", "&(callbacks) {\ntim_callback 1 a\n}\n" + block(https, tls+"\nroute {\ninvoke callbacks\nrespond 200\n}"), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			text := fmt.Sprintf("{\nadmin off\npersist_config off\nskip_install_trust\nlog {\noutput file %q\nlevel WARN\n}\n%s\n}\n%s", log, tc.global, tc.sites)
			adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			loads(t, string(adapted), log, tc.want, tc.warn)
		})
	}
}

// TestJSONThatCannotWork has what a Caddyfile cannot say.
func TestJSONThatCannotWork(t *testing.T) {
	const (
		forward   = `{"handler":"tim_callback","apps":[{"sdk_appid":"1","tokens":["a"]}]}`
		ack       = `{"handler":"tim_callback","apps":[{"sdk_appid":"1","tokens":["a"]}],"answer":"ack"}`
		certified = `{"handler":"tim_callback","apps":[{"sdk_appid":"1","tokens":["a"]}],"answer":"ack","require_client_cert":true}`
		respond   = `{"handler":"static_response"}`
	)
	socket := "unix/" + filepath.Join(t.TempDir(), "s")
	port := caddytest.FreePort()
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	nested := `{"handler":"tim_callback","apps":[{"sdk_appid":"1","tokens":["a"]}],"allow_http":true,"queue":{"store":{"store":"file","path":"` +
		filepath.Join(t.TempDir(), "q.db") + `"},"deliver":[{"handle":[` + ack + `]}]}}`
	for _, tc := range []struct{ name, listen, server, want, warn string }{
		{"plain HTTP", listen, `"routes":[{"handle":[` + ack + `]}]`, plainOnly, ""},
		{"plain HTTP on a socket", socket, `"routes":[{"handle":[` + ack + `]}]`, plainOnly, ""},
		{"a socket of a proxy", socket, `"trusted_proxies_unix":true,"routes":[{"handle":[` + ack + `]}]`, "", ""},
		{"behind a proxy", listen, `"trusted_proxies":{"source":"static","ranges":["10.0.0.0/8"]},"routes":[{"handle":[` + ack + `]}]`, "", ""},
		{"a connection policy", listen, `"tls_connection_policies":[{}],"routes":[{"handle":[` + ack + `]}]`, "", ""},
		{"no certificate", listen, `"tls_connection_policies":[{}],"routes":[{"handle":[` + certified + `]}]`, noCert, ""},
		{"a certificate that is asked for", listen, `"tls_connection_policies":[{"client_authentication":{"mode":"request"}}],"routes":[{"handle":[` + certified + `]}]`, noCert, ""},
		{"a certificate in one policy", listen, `"tls_connection_policies":[{"match":{"sni":["a"]}},{"client_authentication":{"mode":"verify_if_given"}}],"routes":[{"handle":[` + certified + `]}]`, "", ""},
		{"in deliver", listen, `"routes":[{"handle":[` + nested + `]}]`, "", ""},
		{"nothing behind", listen, `"tls_connection_policies":[{}],"routes":[{"handle":[` + forward + `]}]`, noneBehind, ""},
		{"in the same route", listen, `"tls_connection_policies":[{}],"routes":[{"handle":[` + forward + `,` + respond + `]}]`, "", ""},
		{"in the next route", listen, `"tls_connection_policies":[{}],"routes":[{"handle":[` + forward + `]},{"handle":[` + respond + `]}]`, "", ""},
		{"in the next route, of the same group", listen, `"tls_connection_policies":[{}],"routes":[{"group":"g","handle":[` + forward + `]},{"group":"g","handle":[` + respond + `]}]`, noneBehind, ""},
		{"after a terminal route", listen, `"tls_connection_policies":[{}],"routes":[{"terminal":true,"handle":[` + forward + `]},{"handle":[` + respond + `]}]`, noneBehind, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			loads(t, fmt.Sprintf(`{"admin":{"disabled":true,"config":{"persist":false}},
				"logging":{"logs":{"default":{"level":"WARN","writer":{"output":"file","filename":%q}}}},
				"apps":{"http":{"servers":{"s":{"listen":[%q],"automatic_https":{"disable":true},%s}}}}}`, log, tc.listen, tc.server), log, tc.want, tc.warn)
		})
	}
}

func loads(t *testing.T, config, log, want, warn string) {
	t.Helper()
	err := caddy.Load([]byte(config), true)
	lines := warnings(t, log)
	if stopErr := caddy.Stop(); stopErr != nil {
		t.Error(stopErr)
	}
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("error %v, want %q", err, want)
	}
	if warn == "" && len(lines) > 0 || warn != "" && (len(lines) != 1 || !strings.Contains(lines[0], warn)) {
		t.Errorf("warnings %q, want one with %q", lines, warn)
	}
}

// warnings are the lines of this module that say that something cannot work.
func warnings(t *testing.T, log string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "http.handlers.tim_callback") && strings.Contains(line, "server on ") {
			lines = append(lines, line)
		}
	}
	return lines
}
