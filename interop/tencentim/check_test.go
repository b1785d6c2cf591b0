// Package tencentim examines, with the command check, a backend that is made with
// github.com/dobyte/tencent-im, a library that many backends use. It is a Go module of its
// own, since some module proxies do not have that library.
package tencentim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dobyte/tencent-im/callback"
)

// backend starts a backend that answers every callback which the library knows with OK.
func backend(t *testing.T) (url string) {
	t.Helper()
	c := callback.NewCallback(1400000000)
	for e := callback.EventStateChange; e <= callback.EventAfterGroupInfoChanged; e++ {
		c.Register(e, func(ack callback.Ack, _ any) { _ = ack.AckSuccess(0) })
	}
	s := httptest.NewTLSServer(http.HandlerFunc(c.Listen))
	t.Cleanup(s.Close)
	return s.URL + "/im/callback"
}

// caddy builds a Caddy with this module.
func caddy(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "caddy")
	if output, err := exec.Command("go", "build", "-C", "../..", "-o", path, "./cmd/caddy").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

// TestCheck: the library checks the SdkAppid and nothing else, and check says so. It also
// asks for a decision.
func TestCheck(t *testing.T) {
	body := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(body, []byte(`{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"a","To_Account":"b","MsgKey":"k","MsgBody":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), caddy(t), "tim-callback", "check", "--url", backend(t), "--sdk-appid", "1400000000", "--token", "xxxxyyyy",
		"--insecure", "--command", "C2C.CallbackAfterSendMsg", "--body", body, "--decision", "C2C.CallbackBeforeSendMsg", "--json")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	output, err := cmd.Output()
	if err == nil {
		t.Error("check has found nothing wrong")
	}
	var report struct {
		Probes []struct{ Name, Result string }
	}
	if err := json.Unmarshal(output, &report); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	results := make(map[string]string)
	for _, p := range report.Probes {
		results[p.Name] = p.Result
	}
	for name, want := range map[string]string{
		"accepts": "passed", "wrong_app": "passed", "decision": "passed", "no_sign": "failed", "wrong_sign": "failed", "stale": "failed",
	} {
		if !strings.HasPrefix(results[name], want) {
			t.Errorf("%s: %q, want %q", name, results[name], want)
		}
	}
	if t.Failed() {
		t.Logf("%s", output)
	}
}
