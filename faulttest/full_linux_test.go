package faulttest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// If the disk is full, callbacks are answered 503, in time, until there is room again. No event
// that was answered OK is lost.
func TestFullDisk(t *testing.T) {
	t.Run("enlarged", func(t *testing.T) {
		b := newBackend(t)
		s := newServer(t, b)
		resize := smallDisk(t, s, "4m")
		l := fill(t, s, b, 20<<10)
		resize("64m")
		l.storesAgain()
		l.stop()
		b.set(up)
		s.mustEmpty()
		check(t, l, b, nil)
	})
	for name, pad := range map[string]int{"small events": 0, "large events": 20 << 10} {
		t.Run("delivered from, "+name, func(t *testing.T) {
			b := newBackend(t)
			s := newServer(t, b)
			smallDisk(t, s, "2m")
			l := fill(t, s, b, pad)
			// deliveries make room while more callbacks come
			b.set(up)
			l.storesAgain()
			l.stop()
			s.mustEmpty()
			check(t, l, b, nil)
		})
	}
	t.Run("file size limit", func(t *testing.T) {
		b := newBackend(t)
		s := newServer(t, b)
		s.start()
		limit(t, s.cmd.Process.Pid, 20<<20) // the file grows by 16 MiB at a time
		l := fill(t, s, b, 20<<10)
		limit(t, s.cmd.Process.Pid, 1<<30)
		l.storesAgain()
		l.stop()
		b.set(up)
		s.mustEmpty()
		check(t, l, b, nil)
	})
}

// smallDisk starts the server with its queue file on a file system of its own, which resize resizes.
func smallDisk(t *testing.T, s *server, size string) (resize func(size string)) {
	t.Helper()
	dir := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("faulttest", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("NOT TESTED, mounting a small disk is not allowed here (root may): %v", err)
	}
	t.Cleanup(func() {
		s.kill() // the server has the file open
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
	s.path = filepath.Join(dir, "queue.db")
	s.start()
	return func(size string) {
		t.Helper()
		if err := syscall.Mount("faulttest", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
}

// limit sets the largest size, in bytes, of the files that a process may write.
func limit(t *testing.T, pid int, size uint64) {
	t.Helper()
	const rlimitFsize = 1
	l := syscall.Rlimit{Cur: size, Max: 1 << 40}
	if _, _, err := syscall.Syscall6(syscall.SYS_PRLIMIT64, uintptr(pid), rlimitFsize, uintptr(unsafe.Pointer(&l)), 0, 0, 0); err != 0 {
		t.Skipf("NOT TESTED, limiting the size of files is not allowed here: %v", err)
	}
}

// fill sends callbacks until no more can be stored, and a while longer.
func fill(t *testing.T, s *server, b *backend, pad int) *load {
	t.Helper()
	b.set(down)
	l := newLoad(t, s, 40)
	l.pad = pad
	l.start()
	caddytest.Within(t, 20*time.Second, func() bool { return l.refused.Load() > 0 }, "the disk is full")
	caddytest.Within(t, 20*time.Second, func() bool { return l.refused.Load() > 400 }, "more is refused")
	time.Sleep(1500 * time.Millisecond) // longer than the store waits before it tries again
	if slowest := time.Duration(l.slowest.Load()); slowest > 2*time.Second {
		t.Errorf("an answer took %s", slowest)
	}
	t.Logf("%d callbacks stored until the disk was full, %d refused", l.ok.Load(), l.refused.Load())
	return l
}

// storesAgain waits until callbacks are stored again as before.
func (l *load) storesAgain() {
	l.t.Helper()
	for range 3 {
		n := l.ok.Load()
		start := time.Now()
		caddytest.Within(l.t, 15*time.Second, func() bool { return l.ok.Load() > n+200 }, "callbacks are stored again")
		l.t.Logf("200 stored in %s", time.Since(start))
	}
}
