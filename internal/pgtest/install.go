package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Required is the environment variable that makes missing PostgreSQL programs a failure
// instead of a skipped test, for machines that must have them.
const Required = "TIM_CALLBACK_NEED_POSTGRES"

// installation is where the server programs are, and the account that runs them.
type installation struct {
	bin     string
	account *account
}

// account is an unprivileged user. PostgreSQL refuses to run as root.
type account struct{ uid, gid int }

var find = sync.OnceValues(findInstallation)

// Need skips a test where no PostgreSQL server can be started. With the environment
// variable [Required] it fails there.
func Need(tb testing.TB) {
	tb.Helper()
	_, err := find()
	switch {
	case err == nil:
	case os.Getenv(Required) != "":
		tb.Fatalf("%s is set, but %v", Required, err)
	default:
		tb.Skipf("NOT TESTED: %v", err)
	}
}

// installed returns what [Need] has found.
func installed(tb testing.TB) *installation {
	tb.Helper()
	Need(tb)
	i, _ := find()
	return i
}

func findInstallation() (*installation, error) {
	if !supported {
		return nil, errors.New("PostgreSQL servers cannot be controlled on this system")
	}
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	i := &installation{bin: bin}
	if os.Geteuid() == 0 {
		if i.account, err = findAccount(); err != nil {
			return nil, err
		}
	}
	if err := i.run("postgres", "--version"); err != nil {
		return nil, fmt.Errorf("there is no way to run PostgreSQL unprivileged: %w", err)
	}
	return i, nil
}

// findPrograms returns the folder of the server programs. Debian does not have it in
// PATH.
func findPrograms() (string, error) {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(path))
		}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(debian, func(a, b string) int { return version(b) - version(a) })
	folders = append(folders, debian...)
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, folder := range folders {
		if hasPrograms(folder) {
			return folder, nil
		}
	}
	return "", errors.New("there are no PostgreSQL server programs")
}

func hasPrograms(folder string) bool {
	for _, name := range []string{"postgres", "initdb", "psql", "pg_basebackup"} {
		if _, err := exec.LookPath(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

// findAccount returns the user that servers run as where the test runs as root.
func findAccount() (*account, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return &account{uid, gid}, nil
		}
	}
	return nil, errors.New("there is no unprivileged user to run PostgreSQL as")
}

// command returns a command that runs as the unprivileged user: a PostgreSQL program, or
// another one by its path.
func (i *installation) command(name string, args ...string) *exec.Cmd {
	if !strings.ContainsRune(name, filepath.Separator) {
		name = filepath.Join(i.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = "/" // the user may not be allowed to enter the test's own
	cmd.Env = environment()
	cmd.SysProcAttr = attributes(i.account)
	return cmd
}

// run runs a command of the unprivileged user to its end, within the limit. The error
// tells what the command has said.
func (i *installation) run(name string, args ...string) error {
	cmd := i.command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out.Bytes())
	}
	return nil
}

// environment returns the environment without the variables that PostgreSQL heeds, and
// with the messages that this package reads.
func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") })
	return append(env, "LC_ALL=C", "PGCONNECT_TIMEOUT=10")
}
