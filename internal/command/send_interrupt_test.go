package command_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// interrupted runs the send command, and interrupts it when wait returns.
func interrupted(t *testing.T, wait func(), url string, args ...string) caddytest.Result {
	t.Helper()
	t.Setenv("TIM_CALLBACK_TOKEN", sendToken)
	cmd := caddytest.Command(t, t.TempDir(), sendArgs(url, append(args, "--insecure")...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			t.Fatal(err)
		}
	}
	return caddytest.Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

func TestSendInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		args   []string
		code   int
	}{
		"all taken":    {http.StatusOK, []string{"--concurrency", "3"}, 0},
		"at a rate":    {http.StatusOK, []string{"--rate", "200"}, 0},
		"refused some": {http.StatusBadGateway, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var got atomic.Int32
			enough := make(chan struct{})
			server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(test.status)
				takes(w, r)
				if got.Add(1) == 20 {
					close(enough)
				}
			})
			r := interrupted(t, func() { <-enough }, server.URL, append(test.args, "--count", "1000000000", "--json")...)
			report := readReport(t, r.Stdout)
			// the report counts each callback that the endpoint received
			if r.Code != test.code || !report.Interrupted || report.Sent != int(got.Load()) || report.AllTaken != (test.code == 0) || r.Stderr != "" {
				t.Errorf("the endpoint got %d, the report is %+v", got.Load(), r)
			}
		})
	}
}

// After an interrupt, the command waits for answers to the callbacks that it has sent.
func TestSendInterruptedWhileWaiting(t *testing.T) {
	began, answer := make(chan struct{}, 1), make(chan struct{})
	server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-answer
		takes(w, r)
	})
	r := interrupted(t, func() {
		<-began
		time.AfterFunc(300*time.Millisecond, func() { close(answer) }) // the interrupt comes earlier
	}, server.URL, "--count", "2", "--rate", "0.001") // if it comes later, the second callback is not due yet
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "sent     1 of 2, then interrupted\n") || !strings.Contains(r.Stdout, "\naccepted 1\n") {
		t.Errorf("got %+v", r)
	}
}
