package commandtest

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// interrupted runs the send command until wait returns, and interrupts it.
func interrupted(t *testing.T, wait func(), url string, args ...string) result {
	t.Helper()
	t.Setenv("TIM_CALLBACK_TOKEN", sendToken)
	cmd := caddy(t, t.TempDir(), sendArgs(url, append(args, "--insecure")...)...)
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
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
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
			report := readReport(t, r.stdout)
			// each callback that the endpoint got is accounted for
			if r.code != test.code || !report.Interrupted || report.Sent != int(got.Load()) || report.AllTaken != (test.code == 0) || r.stderr != "" {
				t.Errorf("the endpoint got %d, the report is %+v", got.Load(), r)
			}
		})
	}
}

// An answer that is due when the interrupt comes is waited for.
func TestSendInterruptedWhileWaiting(t *testing.T) {
	began, answer := make(chan struct{}, 1), make(chan struct{})
	server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-answer
		takes(w, r)
	})
	r := interrupted(t, func() {
		<-began
		time.AfterFunc(300*time.Millisecond, func() { close(answer) }) // the interrupt comes before
	}, server.URL, "--count", "2")
	if r.code != 0 || !strings.HasPrefix(r.stdout, "sent     1 of 2, then interrupted\n") || !strings.Contains(r.stdout, "\ntaken    1\n") {
		t.Errorf("got %+v", r)
	}
}
