package rig

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const (
	// ServerCore is the core of the measured server, LoadCore the core of everything else.
	ServerCore = "0"
	LoadCore   = "1"
	AllCores   = ""

	// Handled begins a tim_callback directive.
	Handled = "tim_callback " + CallbackPath + " " + SDKAppID + " " + Token
	// Static answers as tim_callback does. Caddy itself adds the Content-Type, since
	// the body is JSON.
	Static = "respond " + CallbackPath + " `ANSWER` 200"
)

// Server is a Caddy process.
type Server struct {
	Name     string
	What     string // a description for -help
	Core     string // the core that it is pinned to; "" for all cores
	Procs    int    // GOMAXPROCS; 0 means 1
	Site     string // what its Caddyfile's site has; ANSWER and BACKEND are replaced
	Backend  string // the address for BACKEND
	Plain    bool   // it uses HTTP instead of HTTPS
	LogsInfo bool   // it logs the Info line of each callback to a file
	HasAdmin bool   // it has an admin endpoint

	Addr  string // known once it was started
	Admin string // the address of its admin endpoint, "" for none
	*Process
}

// NewBackend is a server that answers OK. It is not measured, so it shares the core of
// the load.
func NewBackend() *Server {
	return &Server{Name: "backend", Core: LoadCore, Site: Static, Plain: true}
}

// QueueSite is a site that acknowledges callbacks and delivers them to BACKEND. More
// goes into its queue block.
func QueueSite(more string) string {
	return Handled + " {\n\t\tanswer ack\n\t\tqueue {\n\t\t\tmax_events 100000000\n\t\t\t" + more +
		"\n\t\t\tdeliver {\n\t\t\t\treverse_proxy BACKEND\n\t\t\t}\n\t\t}\n\t}"
}

// StopServers stops servers before the rig is closed.
func StopServers(servers ...*Server) {
	var started []*Process
	for _, s := range servers {
		if s.Process != nil {
			started = append(started, s.Process)
		}
	}
	Stop(started...)
}

// String is the server's name.
func (s *Server) String() string { return s.Name }

// NeedsBackend reports whether the server's site sends requests to a backend.
func (s *Server) NeedsBackend() bool { return strings.Contains(s.Site, "BACKEND") }

// URL is where the server takes callbacks.
func (s *Server) URL() string {
	if s.Plain {
		return "http://" + s.Addr + CallbackPath
	}
	return "https://" + s.Addr + CallbackPath
}

// start runs the server, with its files in dir.
func (s *Server) start(caddy, dir string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making its folder: %w", err)
	}
	if s.Addr, err = FreeAddress(); err != nil {
		return err
	}
	if s.HasAdmin {
		if s.Admin, err = FreeAddress(); err != nil {
			return err
		}
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(s.caddyfile(dir)), 0o600); err != nil {
		return fmt.Errorf("writing its Caddyfile: %w", err)
	}
	command := []string{caddy, "run", "--config", config, "--adapter", "caddyfile"}
	if s.Core != "" {
		// taskset replaces itself by the server, so its process ID is the server's
		command = append([]string{"taskset", "-c", s.Core}, command...)
	}
	env := []string{"GOMAXPROCS=" + strconv.Itoa(max(s.Procs, 1)), "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
	s.Process, err = StartProcess(env, command[0], command[1:]...)
	return err
}

// caddyfile is the server's configuration. Everything that the server writes goes to dir.
func (s *Server) caddyfile(dir string) string {
	var b strings.Builder
	admin := "off"
	if s.Admin != "" {
		admin = s.Admin
	}
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tpersist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n", admin)
	level := "WARN"
	if strings.Contains(s.Site, "queue") {
		level = "ERROR" // the backend is down on purpose, and each failed delivery would be logged
	}
	fmt.Fprintf(&b, "\tlog default {\n\t\tlevel %s\n\t}\n", level)
	if s.LogsInfo {
		// the file is not rolled, since compressing old files would be counted as well
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

// awaitAnswer waits until the server gives the right answer to a callback: a server
// that is fast with a wrong answer must not be measured.
func (s *Server) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: AnyCertificate(), DisableKeepAlives: true}}
	for {
		err := s.Send(ctx, client, []byte(sample.Body))
		if err == nil {
			return nil
		}
		if gone := s.Gone(); gone != nil {
			return gone
		}
		if done := Sleep(ctx, 100*time.Millisecond); done != nil {
			return fmt.Errorf("waiting for a right answer (%w): %w", err, done)
		}
	}
}

// AnyCertificate trusts the server whatever its certificate is, since each server makes
// its own.
func AnyCertificate() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// FreeAddress is an address of this machine that nobody listens on.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
