package docs

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// sandbox is the machine on which the blocks of a page are run: a folder for
// /etc/caddy, a `caddy`, which is this test binary, and a backend.
type sandbox struct {
	t        *testing.T
	dir      string
	site     string            // address of im.example.com
	admin    adminapi.Client   // of localhost:2019
	words    *strings.Replacer // what is put in place of names and addresses
	pairs    []string          // the same, as pairs
	backend  *caddytest.Backend
	status   int // of the backend's answers
	ca       *caddytest.Authority
	front    *httptest.Server // what ends TLS in front of Caddy
	plain    string           // address of the site without TLS
	postgres *pgtest.Server   // nil until it is needed
	env      []string
	output   string // of the last block that was run
	sent     int
	command  string // of the callbacks that are sent; "" for the profile command
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	for _, program := range []string{"bash", "curl", "jq", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("the docs use %s: %v", program, err)
		}
	}
	s := &sandbox{t: t, dir: t.TempDir(), site: caddytest.FreeLocalhost(), plain: caddytest.FreeLocalhost(), ca: caddytest.NewAuthority(t), backend: caddytest.StartBackend(t)}
	s.admin.Address = caddytest.FreeLocalhost()
	_, plainPort, _ := net.SplitHostPort(s.plain)
	_, metricsPort, _ := net.SplitHostPort(caddytest.FreeLocalhost())
	_, inspectorPort, _ := net.SplitHostPort(caddytest.FreeLocalhost())
	_, demoPort, _ := net.SplitHostPort(caddytest.FreeLocalhost())
	s.replace(
		"/etc/caddy", s.etc(""),
		"/run/secrets/tim_token", s.etc("tim-token"),
		"/run/credentials/caddy.service/tim-token", s.etc("tim-token"),
		"im.example.com", s.site,
		"app1:8080", s.backend.Address,
		"app2:8080", s.backend.Address,
		"archive:8080", s.backend.Address,
		"messages:8080", s.backend.Address,
		"groups:8080", s.backend.Address,
		"moderation:8080", s.backend.Address,
		"localhost:2019", s.admin.Address,
		// the quickstart, which is run without any of these
		"admin off", "admin "+s.admin.Address,
		"localhost:8443", s.site,
		"127.0.0.1:8081", s.backend.Address,
		":8081", ":"+demoPort,
		":8080", ":"+plainPort,
		":9180", ":"+metricsPort,
		":8090", ":"+inspectorPort,
		"10.0.0.0/8", "127.0.0.0/8",
		"retry 1s 10m", "retry 1ms 2ms", // five attempts take half a minute otherwise
	)
	s.furnish()
	t.Cleanup(func() {
		s.stop()
		if text, err := os.ReadFile(filepath.Join(s.dir, "stderr")); err == nil && t.Failed() {
			t.Logf("the last words were:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return s
}

// replace puts words in place of others, in addition to those of earlier calls. Of two that begin alike,
// the longer one must come first.
func (s *sandbox) replace(pairs ...string) {
	s.pairs = append(s.pairs, pairs...)
	s.words = strings.NewReplacer(s.pairs...)
}

func (s *sandbox) etc(name string) string { return filepath.Join(s.dir, "etc", name) }

// furnish puts everything in place that the pages take for granted.
func (s *sandbox) furnish() {
	s.t.Helper()
	wrapper := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", caddytest.AsCaddy, os.Args[0])
	// the real xcaddy needs the network and minutes; .ci/run builds with it
	xcaddy := fmt.Sprintf(`#!/bin/sh
[ "$*" = 'build %s --with github.com/d13c7061/caddy-tim-callback@latest --output caddy-new' ] && cp '%s' caddy-new
`, caddyVersion(s.t), filepath.Join(s.dir, "bin/caddy"))
	for path, content := range map[string]string{
		"bin/caddy":               wrapper,
		"bin/xcaddy":              xcaddy,
		"etc/tim-token":           "xxxxyyyy\n",
		"etc/TencentQQAuthCA.crt": string(s.ca.PEM),
	} {
		path = filepath.Join(s.dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(s.dir, "work"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(os.Environ(),
		"HOME="+s.dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=",
		"PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"),
		"CADDY_ADMIN="+s.admin.Address,
		"TIM_CALLBACK_TOKEN=xxxxyyyy", "TIM_INSPECTOR_HASH=$2a$04$LSmpAurSiYW4OKpIaCAqw.f4JvhdbxFPA7xEM7QRLoN76d2EKlrNi", "GORACE=atexit_sleep_ms=0",
		"SSL_CERT_FILE="+s.roots(), "CURL_CA_BUNDLE="+s.roots(),
	)
}

// answer changes the status of the backend's answers.
func (s *sandbox) answer(status int) {
	s.status = status
	s.backend.Answer(status)
}

func (s *sandbox) roots() string { return filepath.Join(s.dir, "roots.pem") }

// trust makes all commands trust the CAs of this sandbox, of which Caddy's own is
// there once it was first started.
func (s *sandbox) trust() {
	s.t.Helper()
	local, _ := os.ReadFile(filepath.Join(s.dir, ".local/share/caddy/pki/authorities/local/root.crt"))
	if err := os.WriteFile(s.roots(), append(local, s.ca.PEM...), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// step does one step of a block.
func (s *sandbox) step(b block, step string) {
	s.t.Helper()
	switch step {
	case "config": // becomes /etc/caddy/Caddyfile, and is valid
		s.configure(b.text)
	case "start": // the same, and Caddy is started with it
		s.configure(b.text)
		s.shell("caddy start --config /etc/caddy/Caddyfile")
	case "restart": // the same, after Caddy was stopped
		s.stop()
		s.configure(b.text)
		s.shell("caddy start --config /etc/caddy/Caddyfile")
	case "run": // by bash
		s.output = s.shell(b.text)
	case "output": // is what the block before printed
		if got, want := shape(s.output), shape(b.text); got != want {
			s.t.Errorf("line %d: got\n%s\nwant the likes of\n%s", b.line, s.output, b.text)
		}
	case "handler": // is the JSON of a handler
		s.handler(b.text)
	case "grammar": // of the directive, see TestDocsOptions
	default:
		switch name, value, _ := strings.Cut(step, "="); name {
		case "check", "file": // is read, not run
			b.shown(s.t, step)
		case "sql": // by PostgreSQL, see query
			s.query(value, b.text)
		default:
			s.around(step)
		}
	}
}

// configure writes the Caddyfile, with what keeps Caddy within the sandbox.
func (s *sandbox) configure(text string) {
	s.t.Helper()
	if strings.Contains(text, "store postgres") {
		s.needDatabase(text)
	}
	options := "\tskip_install_trust\n\tpersist_config off\n"
	if !strings.Contains(text, "auto_https") {
		options += "\tauto_https disable_redirects\n"
	}
	for strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n") // global options come first
	}
	if rest, ok := strings.CutPrefix(text, "{\n"); ok {
		text = "{\n" + options + rest
	} else {
		text = "{\n" + options + "}\n" + text
	}
	if err := os.WriteFile(s.etc("Caddyfile"), []byte(s.words.Replace(text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.shell("caddy validate --config /etc/caddy/Caddyfile")
}

// shell runs commands and returns what they print. The output goes to files, which
// unlike pipes do not keep us waiting for a Caddy that was started in the background.
func (s *sandbox) shell(commands string) string {
	s.t.Helper()
	s.trust()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", s.words.Replace(commands))
	cmd.Dir, cmd.Env = filepath.Join(s.dir, "work"), s.env
	stdout := s.create("stdout", os.O_TRUNC)
	defer stdout.Close()
	stderr := s.create("stderr", os.O_APPEND)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%v:\n%s", err, commands)
	}
	text, err := os.ReadFile(stdout.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	s.ready()
	return string(text)
}

func (s *sandbox) create(name string, flag int) *os.File {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// ready waits for the site's certificate, which Caddy gets in the background, if
// Caddy runs and has such a site.
func (s *sandbox) ready() {
	s.t.Helper()
	if !caddytest.Accepts(s.admin.Address) || !caddytest.Accepts(s.site) {
		return
	}
	// if the first try fails, Caddy tries again after a minute
	caddytest.Within(s.t, 100*time.Second, func() bool {
		conn, err := tls.Dial("tcp", s.site, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, "the site has a certificate")
	s.trust()
}

// stop stops what runs.
func (s *sandbox) stop() {
	s.t.Helper()
	if s.front != nil {
		s.front.Close()
		s.front = nil
	}
	if !caddytest.Accepts(s.admin.Address) {
		return
	}
	cmd := exec.Command(filepath.Join(s.dir, "bin/caddy"), "stop")
	cmd.Env = s.env
	if text, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("caddy stop: %v\n%s", err, text)
	}
	caddytest.Eventually(s.t, func() bool { return !caddytest.Accepts(s.admin.Address) && !caddytest.Accepts(s.site) }, "Caddy stops")
}

// shape is a text without what differs each time: IDs, times, ages and widths.
func shape(text string) string {
	for _, v := range []struct{ pattern, name string }{
		{`[0-9a-f]{32}`, "<id>"},
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "<node>"},
		{`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "<time>"},
		{`\b\d\d:\d\d:\d\d\.\d{3}\b`, "<clock>"},
		{`\b\d+\.\d+m?s\b`, "<took>"},
		{`\b\d+[smhd]\b`, "<age>"},
		{`[ \t]+`, " "},
	} {
		text = regexp.MustCompile(v.pattern).ReplaceAllString(text, v.name)
	}
	return strings.TrimSpace(text)
}

// caddyVersion is the version of Caddy that this module requires.
func caddyVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github.com/caddyserver/caddy/v2 (v\S+)`).FindSubmatch(text)
	if m == nil {
		t.Fatal("go.mod does not require Caddy")
	}
	return string(m[1])
}
