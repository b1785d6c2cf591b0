package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const (
	app       = sample.SDKAppID
	token     = sample.Token
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// All tests share this Caddy and its backend.
var (
	client   *http.Client
	site     string
	received = make(chan *http.Request, 1)
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		if err := os.Setenv(name, dir); err != nil {
			return 0, err
		}
	}
	backend := httptest.NewServer(http.HandlerFunc(receive))
	defer backend.Close()
	closeOperated, err := startOperated(dir)
	if err != nil {
		return 0, err
	}
	defer closeOperated()
	if err := startCaddy(dir, backend.URL); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	return m.Run(), nil
}

// receive is the backend. It keeps the request, with a body that can be read later.
func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	received <- r
	_, _ = w.Write(callback.OK().JSON())
}

func startCaddy(dir, backend string) error {
	address := caddytest.FreeAddress()
	_, port, _ := net.SplitHostPort(address)
	site = "https://localhost:" + port
	// the storage is configured, since Caddy chose its default one before HOME was set
	config := fmt.Sprintf(`{
		admin off
		persist_config off
		skip_install_trust
		auto_https disable_redirects
		storage file_system %q
		log {
			level WARN
		}
	}
	%s {
		bind 127.0.0.1
		tls internal
		tim_callback /normalized %[3]s %[4]s {
			sign %[5]s %[6]s
		}
		tim_callback /original %[3]s %[4]s {
			body original
			sign %[5]s %[6]s
		}
		tim_callback /all %[3]s %[4]s {
			commands all
		}
		tim_callback /all-original %[3]s %[4]s {
			commands all
			body original
		}
		tim_callback /all-queued %[3]s %[4]s {
			commands all
			queue all {
				store file %[9]q
				deliver {
					reverse_proxy %[7]s
				}
			}
		}
		reverse_proxy %[7]s
	}
	%[8]s`, dir, site, app, token, oldSecret, newSecret, backend, operated.config, filepath.Join(dir, "all.db"))
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			return errors.New(w.String())
		}
	}
	if err := caddy.Load(adapted, true); err != nil {
		return err
	}
	client, err = trusting(filepath.Join(dir, "pki/authorities/local/root.crt"))
	if err != nil {
		return err
	}
	return untilServing(address)
}

func trusting(root string) (*http.Client, error) {
	pem, err := os.ReadFile(root)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
	}, nil
}

// untilServing waits for the certificate, which Caddy issues in the background.
func untilServing(address string) error {
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "localhost"
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := tls.Dial("tcp", address, config)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// forwarded sends a signed callback through Caddy and returns what the backend got.
func forwarded(t *testing.T, path string, c callback.Request, forged ...string) (r *http.Request, body []byte) {
	t.Helper()
	c.SDKAppID, c.Token = app, token
	request, err := callback.NewRequest(t.Context(), site+path, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range forged {
		request.Header.Set(name, "forged")
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %s, %v", response.StatusCode, answer, err)
	}
	if a, err := callback.ParseAnswer(answer); err != nil || a != callback.OK() {
		t.Fatalf("answer %s, %v", answer, err)
	}
	r = <-received
	body, _ = io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, body
}
