package commandtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/d13c7061/caddy-tim-callback"
)

// asCaddy makes this test binary a Caddy: the real one, in a process of its own.
const asCaddy = "COMMANDTEST_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(asCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// caddy is a Caddy command whose own files are in dir, with no colours and no
// terminal. It is killed when the test ends. With the race detector it would wait a
// second at its end.
func caddy(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCaddy+"=1", "GORACE=atexit_sleep_ms=0", "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	return cmd
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a Caddy command to its end.
func run(t *testing.T, args ...string) result {
	t.Helper()
	cmd := caddy(t, t.TempDir(), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
