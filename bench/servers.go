package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	serverCore = "0"
	loadCore   = "1"

	sdkAppID     = "1400000000"
	token        = "xxxxyyyy"
	callbackPath = "/im/callback"
)

var okAnswer = string(profile.OK().JSON())

// server is a Caddy process.
type server struct {
	name     string
	what     string // for -help
	core     string // which it is pinned to
	site     string // what its Caddyfile's site does
	plain    bool   // no TLS
	logsInfo bool
	proxies  bool // to backend

	addr    string
	admin   string // address of its admin endpoint, "" for none
	process *exec.Cmd
	output  bytes.Buffer
	exited  chan error
}

const (
	handled = "tim_callback " + callbackPath + " " + sdkAppID + " " + token
	proxied = "reverse_proxy " + callbackPath + " BACKEND"
	// Caddy adds the Content-Type by itself where the body is JSON
	static = "respond " + callbackPath + " `ANSWER` 200"
)

var (
	respond = &server{name: "respond", what: "a static answer, with nothing verified: what Caddy itself costs", core: serverCore, site: static}
	ack     = &server{name: "ack", what: "tim_callback with `answer ack`, its log at WARN", core: serverCore, site: handled + " {\n\t\tanswer ack\n\t}"}
	ackInfo = &server{name: "ack+info", what: "the same with one Info line per callback, to a file", core: serverCore, site: ack.site, logsInfo: true}
	forward = &server{name: "forward", what: "tim_callback in front of reverse_proxy to a local backend", core: serverCore, site: handled + "\n\t" + proxied, proxies: true}
	proxy   = &server{name: "proxy", what: "reverse_proxy to the same backend, with nothing verified", core: serverCore, site: proxied, proxies: true}

	compared = []*server{respond, ack, ackInfo, forward, proxy}

	// backend is not measured, so it shares the core of the load
	backend = &server{name: "backend", core: loadCore, site: static, plain: true}
)

// caddyfile is the server's configuration; all that it writes goes to dir.
func (s *server) caddyfile(dir string) string {
	var b strings.Builder
	admin := "off"
	if s.admin != "" {
		admin = s.admin
	}
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n", admin)
	fmt.Fprint(&b, "\tlog default {\n\t\tlevel WARN\n\t}\n")
	if s.logsInfo {
		// not rolled: compressing old files would be counted as well
		fmt.Fprintf(&b, "\tlog callbacks {\n\t\tinclude http.handlers.tim_callback\n\t\toutput file %s {\n\t\t\troll_disabled\n\t\t}\n\t}\n", filepath.Join(dir, "callbacks.log"))
	}
	site := strings.NewReplacer("BACKEND", backend.addr, "ANSWER", okAnswer).Replace(s.site)
	if s.plain {
		fmt.Fprintf(&b, "}\n\nhttp://%s {\n\t%s\n}\n", s.addr, site)
	} else {
		fmt.Fprintf(&b, "}\n\nhttps://%s {\n\ttls internal\n\t%s\n}\n", s.addr, site)
	}
	return b.String()
}

// callback is the sample callback to s, signed now.
func (s *server) callback(ctx context.Context) (*http.Request, error) {
	scheme := "https"
	if s.plain {
		scheme = "http"
	}
	return profile.NewRequest(ctx, scheme+"://"+s.addr+callbackPath, profile.Callback{
		SDKAppID: sdkAppID,
		Token:    token,
		Body:     []byte(sampleBody),
	})
}
