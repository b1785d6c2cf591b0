package pgtest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// folder is where everything of this test process is: the template that servers are
// copied from, and a folder for each server.
type folder struct {
	path  string
	guard io.Closer // its end is what the guard waits for
}

// guardScript waits for the end of the test process, whatever ends it. Then it ends what
// is left of the servers and removes the folder. A killed server leaves a segment of
// shared memory, and backends that are stopped do not notice that their server has died.
const guardScript = `
cat >/dev/null
for f in "$1"/*/paused; do
	[ -f "$f" ] && kill -KILL $(cat "$f")
done
for f in "$1"/*/data/postmaster.pid; do
	[ -f "$f" ] || continue
	kill -KILL "$(head -n 1 "$f")"
	set -- "$1" $(sed -n 7p "$f")
	[ -n "$3" ] && ipcrm -m "$3"
done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

// shared makes the folder of this test process once.
var shared = sync.OnceValues(func() (*folder, error) {
	i, err := find()
	if err != nil {
		return nil, err
	}
	parent, err := traversable()
	if err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, "pgtest-")
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if err := f.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	if i.account != nil {
		if err := os.Chown(path, i.account.uid, i.account.gid); err != nil {
			return nil, err
		}
	}
	return f, i.run("initdb", "-D", f.template(), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
})

func (f *folder) template() string { return filepath.Join(f.path, "template") }

// watch starts the guard. It is in a session of its own, so that what interrupts the
// test does not end it as well.
func (f *folder) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	guard := exec.Command("/bin/sh", "-c", guardScript, "sh", f.path)
	guard.Dir, guard.Stdin, guard.SysProcAttr = "/", r, ownSession()
	if err := guard.Start(); err != nil {
		w.Close()
		return err
	}
	f.guard = w
	return nil
}

// make makes a folder for one server.
func (f *folder) make(i *installation, name string) (string, error) {
	path, err := os.MkdirTemp(f.path, name+"-")
	if err == nil && i.account != nil {
		err = os.Chown(path, i.account.uid, i.account.gid)
	}
	return path, err
}

// traversable returns a folder for temporary files that every user can enter, since the
// servers may run as another user than the test.
func traversable() (string, error) {
	for _, path := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if os.Geteuid() != 0 || entered(path) {
			return path, nil
		}
	}
	return "", errors.New("there is no folder for temporary files that every user can enter")
}

func entered(path string) bool {
	for {
		info, err := os.Stat(path)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(path)
		if parent == path {
			return true
		}
		path = parent
	}
}
