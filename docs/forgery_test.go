package docs

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// taken are paths that one backend or another takes for /im/callback: it ignores
// case, decodes twice, drops parameters of segments, dots and white space at their
// end, reads "\" as "/", matches by prefix, goes by an extension, or ends strings at
// a NUL.
var taken = []string{
	"/im/callback", "//im/callback", "/im//callback", "/im/./callback", "/./im/callback", "/im/x/../callback",
	"/IM/callback", "/im/CALLBACK", "/im/callbac%E2%84%AA", "/im/%63allback", "/%69m/callback", "/im%2fcallback", "/im/%2563allback", "/im%252fcallback",
	"/im/callback/", "/im/callback//", "/im/callback%2f", "/im/callback/.", "/im/callback/x", "/im/callback/x/..", "/im/callback/../callback",
	"/im/callback/../other", "/im/callback/..%2fother", "/im/callback/../../other",
	"/im/callback;a=1", "/im/callback%3ba=1", "/im;a=1/callback", "/;/im/callback", "/x/..;/im/callback", "/im/x/..;/callback",
	"/im/callback.", "/im/callback%20", "/im/callback%09", "/im/callback%0a", "/im/callback%0d%0a", "/im/callback%C2%A0",
	"/im./callback", "/im%20/callback", "/%20im/callback", "/im/%20callback",
	"/im/callback%00", "/im/callback%00.png", "/im/call%00back", "/im/callback.json", "/im/callback.php", "/im/callback%3fx", "/im/callback%23x", "/im/callback&x", "/im/callback,x",
	`/im\callback`, "/im%5ccallback", `/x/..\im/callback`, "/x/..%5cim/callback", "/x/..%2fim/callback", "/x/%2e%2e/im/callback", "/index.php/im/callback",
	"https://localhost/im/callback", "http://im.example.com/im/callback",
}

// others are paths that no backend takes for it.
var others = []string{"/", "/other", "/im", "/im/other", "/callback", "/login/callback?next=/im"}

// forged are headers that only this module may send, and such as make a backend see
// another path.
var forged = []string{
	"Ce-Id", "ce-type", "CE-SUBJECT", "Ce_Source", "Ce.Time", "ce-anything", "Webhook-Id", "webhook-signature", "Webhook_Timestamp",
	"X-Original-URL", "X-Rewrite-URL",
}

// TestForgeries runs every configuration of the examples, the pages and the READMEs.
// Nothing unverified may reach the backend on a path that it might take for the
// callback path, and nothing at all with a forged header.
func TestForgeries(t *testing.T) {
	for _, c := range configurations(t) {
		t.Run(c.name, func(t *testing.T) {
			s := newSandbox(t)
			s.env = append(s.env, "TIM_EGRESS=127.0.0.0/8 ::1", "TIM_LOG="+filepath.Join(s.dir, "callbacks.log"),
				"TIM_CALLBACK_TOKEN_2=second", "TIM_CALLBACK_TOKEN_2_NEW=third", "TIM_WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
			if err := os.WriteFile(s.etc("tim-token-old"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s.etc("tim-token-new"), []byte("new"), 0o600); err != nil {
				t.Fatal(err)
			}
			s.command = commandTaken(c.text)
			s.step(block{text: c.text}, "start")
			open := 0
			for _, address := range []string{s.site, s.plain} {
				if caddytest.Accepts(address) {
					open++
					s.forge(address, strings.Contains(c.text, "handle {"))
				}
			}
			if open == 0 {
				t.Fatal("no site is open")
			}
			if strings.Contains(c.text, "reverse_proxy") {
				caddytest.Eventually(t, func() bool { return len(s.arrived()) > 0 }, "the backend gets the genuine callback")
			}
		})
	}
}

var commandsOption = regexp.MustCompile(`(?m)^\s*commands (.*)$`)

// commandTaken returns a command that a configuration takes.
func commandTaken(text string) string {
	option := commandsOption.FindStringSubmatch(text)
	if option == nil || strings.Contains(text, "commands all") || strings.Contains(option[1], "profile") {
		return profile.Command
	}
	command, _, _ := strings.Cut(option[1], " ")
	return command
}

type configuration struct{ name, text string }

// configurations are all that are shown to users, each once.
func configurations(t *testing.T) (all []configuration) {
	t.Helper()
	seen := make(map[string]bool)
	add := func(name, text string) {
		if !seen[text] {
			seen[text] = true
			all = append(all, configuration{name, text})
		}
	}
	examples, err := filepath.Glob("../caddyfile/*.Caddyfile")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, example := range examples {
		text, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Base(example), string(text))
	}
	for _, page := range pages(t) {
		for _, b := range parsePage(t, page) {
			if b.lang == "caddyfile" && !slices.Contains(b.steps, "grammar") {
				add(fmt.Sprintf("%s:%d", filepath.Base(page), b.line), b.text)
			}
		}
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		_, blocks := readme(t, name)
		for i, b := range blocks {
			if b[1] == "caddyfile" {
				add(fmt.Sprintf("%s block %d", name, i+1), b[2])
			}
		}
	}
	return all
}

// forge sends forgeries to a site, then a genuine callback, which proves that it
// works. whole says that the backend also gets the other paths of the site.
func (s *sandbox) forge(address string, whole bool) {
	t := s.t
	t.Helper()
	config := s.trusting()
	config.Certificates = []tls.Certificate{s.ca.IssueFor(t, "Tencent")}
	const query = "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json"
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		for _, target := range taken {
			s.exchange(address, config, method, target+"?"+query, target)
		}
		for _, target := range others {
			s.exchange(address, config, method, target, "")
		}
	}
	arrivals := s.arrived()
	if whole && len(arrivals) < len(others) {
		t.Errorf("only %d requests for other paths reached the backend", len(arrivals))
	}
	for _, arrived := range arrivals {
		if target := arrived.Header.Get("X-Taken"); target != "" {
			t.Errorf("%s %s reached the backend, which may take it for a callback", arrived.Method, target)
			continue
		}
		for name := range arrived.Header {
			if slices.ContainsFunc(forged, func(f string) bool { return strings.EqualFold(f, name) }) {
				t.Errorf("%s %s reached the backend with the forged %s", arrived.Method, arrived.RequestURI, name)
			}
		}
	}
	s.backend.Forget()
	genuine := s.callback("xxxxyyyy", "1")
	if status := s.exchange(address, config, genuine.Method, genuine.URL.RequestURI(), ""); status != http.StatusOK {
		t.Errorf("a genuine callback got %d", status)
	}
}

// exchange sends a request line as it is, which clients would tidy up, and returns
// the status of the answer, 0 if there is none.
func (s *sandbox) exchange(address string, config *tls.Config, method, target, marked string) int {
	t := s.t
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if address == s.site {
		conn = tls.Client(conn, config)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var header strings.Builder
	for _, name := range forged {
		value := "forged"
		if strings.HasPrefix(name, "X-") {
			value = "/im/callback"
		}
		fmt.Fprintf(&header, "%s: %s\r\n", name, value)
	}
	body, err := io.ReadAll(s.callback("xxxxyyyy", "1").Body)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Taken: %s\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", method, target, address, marked, len(body), &header, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// arrived returns the requests that the backend got.
func (s *sandbox) arrived() []*http.Request {
	requests, _ := s.backend.Got()
	return requests
}
