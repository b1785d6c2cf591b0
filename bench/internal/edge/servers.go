package edge

import "github.com/d13c7061/caddy-tim-callback/bench/internal/rig"

// server is one that is compared.
type server struct {
	rig.Server
	proxies bool // to backend
}

const proxied = "reverse_proxy " + rig.CallbackPath + " BACKEND"

var (
	respond = &server{Server: rig.Server{Name: "respond", What: "a static answer, with nothing verified: what Caddy itself costs", Core: rig.ServerCore, Site: rig.Static}}
	ack     = &server{Server: rig.Server{Name: "ack", What: "tim_callback with `answer ack`, its log at WARN", Core: rig.ServerCore, Site: rig.Handled + " {\n\t\tanswer ack\n\t}"}}
	ackInfo = &server{Server: rig.Server{Name: "ack+info", What: "the same with one Info line per callback, to a file", Core: rig.ServerCore, Site: ack.Site, LogsInfo: true}}
	forward = &server{Server: rig.Server{Name: "forward", What: "tim_callback in front of reverse_proxy to a local backend", Core: rig.ServerCore, Site: rig.Handled + "\n\t" + proxied}, proxies: true}
	proxy   = &server{Server: rig.Server{Name: "proxy", What: "reverse_proxy to the same backend, with nothing verified", Core: rig.ServerCore, Site: proxied}, proxies: true}

	compared = []*server{respond, ack, ackInfo, forward, proxy}
)

// backend is not measured, so it shares the core of the load.
func newBackend() *rig.Server {
	return &rig.Server{Name: "backend", Core: rig.LoadCore, Site: rig.Static, Plain: true}
}
