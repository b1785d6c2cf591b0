package main

import "github.com/d13c7061/caddy-tim-callback/bench/internal/rig"

const (
	acknowledged = rig.Handled + " {\n\t\tanswer ack\n\t}"
	proxied      = "reverse_proxy " + rig.CallbackPath + " BACKEND"
)

// The servers that are compared.
var (
	respond = &rig.Server{Name: "respond", What: "a static answer, with nothing verified: what Caddy itself costs", Core: rig.ServerCore, Site: rig.Static}
	ack     = &rig.Server{Name: "ack", What: "tim_callback with `answer ack`, its log at WARN", Core: rig.ServerCore, Site: acknowledged}
	ackInfo = &rig.Server{Name: "ack+info", What: "the same with one Info line per callback, to a file", Core: rig.ServerCore, Site: acknowledged, LogsInfo: true}
	forward = &rig.Server{Name: "forward", What: "tim_callback in front of reverse_proxy to a local backend", Core: rig.ServerCore, Site: rig.Handled + "\n\t" + proxied}
	proxy   = &rig.Server{Name: "proxy", What: "reverse_proxy to the same backend, with nothing verified", Core: rig.ServerCore, Site: proxied}

	edgeServers = []*rig.Server{respond, ack, ackInfo, forward, proxy}
)

const edgeNote = `. CPU is user and system time of the server's process, which has core ` + rig.ServerCore + `.
wrk has core ` + rig.LoadCore + `; so has the backend of forward and proxy, whose CPU is not counted.
Others is the share of core time that went to anything else: beyond a few percent, measure again.`

// edgePairs are the servers whose CPU time per request is compared.
var edgePairs = []rig.Pair{
	{One: ack.Name, Other: respond.Name, What: "verify, normalize and acknowledge instead of a static answer"},
	{One: ackInfo.Name, Other: respond.Name, What: "the same with the Info line"},
	{One: forward.Name, Other: respond.Name},
	{One: proxy.Name, Other: respond.Name},
	{One: forward.Name, Other: proxy.Name, What: "verify, normalize and sum up in headers before proxying"},
	{One: ackInfo.Name, Other: ack.Name, What: "the Info line"},
}
