// Package rig is what the benchmarks share: Caddy processes, the load that wrk
// puts on them, and what is measured meanwhile.
package rig

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

const (
	// ServerCore is the core of what is measured, LoadCore that of all else.
	ServerCore = "0"
	LoadCore   = "1"

	SDKAppID     = "1400000000"
	Token        = "xxxxyyyy"
	CallbackPath = "/im/callback"

	// Handled begins a tim_callback directive.
	Handled = "tim_callback " + CallbackPath + " " + SDKAppID + " " + Token
	// Static answers as tim_callback does. Caddy adds the Content-Type by itself
	// where the body is JSON.
	Static = "respond " + CallbackPath + " `ANSWER` 200"
)

var okAnswer = string(profile.OK().JSON())

// Server is a Caddy process.
type Server struct {
	Name     string
	What     string // for -help
	Core     string // which it is pinned to; "" for all
	Procs    int    // GOMAXPROCS; 1 if it is 0
	Site     string // what its Caddyfile's site does, with ANSWER and BACKEND in it
	Backend  string // address
	Plain    bool   // no TLS
	LogsInfo bool
	HasAdmin bool

	Addr    string
	Admin   string // address of its admin endpoint, "" for none
	process *exec.Cmd
	output  bytes.Buffer
	exited  chan error
}

// caddyfile is the server's configuration; all that it writes goes to dir.
func (s *Server) caddyfile(dir string) string {
	var b strings.Builder
	admin := "off"
	if s.Admin != "" {
		admin = s.Admin
	}
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n", admin)
	level := "WARN"
	if strings.Contains(s.Site, "queue") {
		level = "ERROR" // a backend that is down on purpose is no news
	}
	fmt.Fprintf(&b, "\tlog default {\n\t\tlevel %s\n\t}\n", level)
	if s.LogsInfo {
		// not rolled: compressing old files would be counted as well
		fmt.Fprintf(&b, "\tlog callbacks {\n\t\tinclude http.handlers.tim_callback\n\t\toutput file %s {\n\t\t\troll_disabled\n\t\t}\n\t}\n", filepath.Join(dir, "callbacks.log"))
	}
	site := strings.NewReplacer("BACKEND", s.Backend, "ANSWER", okAnswer).Replace(s.Site)
	if s.Plain {
		fmt.Fprintf(&b, "}\n\nhttp://%s {\n\t%s\n}\n", s.Addr, site)
	} else {
		fmt.Fprintf(&b, "}\n\nhttps://%s {\n\ttls internal\n\t%s\n}\n", s.Addr, site)
	}
	return b.String()
}

// Callback is a callback to s, signed now.
func (s *Server) Callback(ctx context.Context, body []byte) (*http.Request, error) {
	scheme := "https"
	if s.Plain {
		scheme = "http"
	}
	return profile.NewRequest(ctx, scheme+"://"+s.Addr+CallbackPath, profile.Callback{
		SDKAppID: SDKAppID,
		Token:    Token,
		Body:     body,
	})
}

// UniqueBody is the sample of a callback that nobody else sends: of another user.
func UniqueBody(run string, n int) []byte {
	return fmt.Appendf(nil, uniqueBody, fmt.Sprintf("user-%s-%d", run, n), time.Now().UnixMilli())
}

// sampleBody is the body that Tencent's documents show.
var sampleBody = fmt.Sprintf(uniqueBody, "id1", int64(1656921052497))

const uniqueBody = `{
  "CallbackCommand": "Profile.CallbackPortraitSet",
  "Operator_Account": "id1",
  "From_Account": %q,
  "EventTime": %d,
  "ProfileItem": [
    {"Tag": "Tag_Profile_IM_Nick", "Value": "nick1"},
    {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"},
    {"Tag": "Tag_Profile_IM_AllowType", "Value": "AllowType_Type_NeedConfirm"},
    {"Tag": "Tag_Profile_Custom_Data", "Value": "your custom data"}
  ]
}`

// QueueSite is a site that acknowledges callbacks and delivers them to BACKEND;
// more goes into its queue block.
func QueueSite(more string) string {
	return Handled + " {\n\t\tanswer ack\n\t\tqueue {\n\t\t\tmax_events 100000000\n\t\t\t" + more +
		"\n\t\t\tdeliver {\n\t\t\t\treverse_proxy BACKEND\n\t\t\t}\n\t\t}\n\t}"
}
