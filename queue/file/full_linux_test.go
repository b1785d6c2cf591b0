package file

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// The store does not open and read the file again because the disk is full: for a long queue that
// takes long, and nothing can be delivered meanwhile.
func TestFullDiskIsNotReadAgain(t *testing.T) {
	for name, size := range map[string]int{"small events": 100, "large events": 10_000} {
		t.Run(name, func(t *testing.T) {
			dir := smallDisk(t)
			var opened, failed, mended atomic.Int32
			s, err := Open(Options{
				Path: filepath.Join(dir, "queue.db"),
				open: func(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
					opened.Add(1)
					return bolt.Open(path, mode, o)
				},
				OnError: func(err error) {
					if err != nil {
						failed.Add(1)
					} else {
						mended.Add(1)
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			c := newCrowd(t, s, size)
			c.storesAgain(func() bool { return mended.Load() > 0 })
			c.checkNothingLost()
			if opened.Load() != 1 {
				t.Errorf("the file was opened %d times", opened.Load())
			}
			t.Logf("%d stored, %d refused, %d delivered, full %d times", c.added.Load(), c.refused.Load(), c.delivered.Load(), failed.Load())

			// the file can also be opened while the disk is full
			if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 4<<20), 0o600); err == nil {
				t.Fatal("the disk is not full")
			}
			if s, err = Open(Options{Path: s.options.Path}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// smallDisk returns a folder on a disk of 4 MiB. It skips the test if it may not make one.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("queue", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("NOT TESTED, mounting a small disk is not allowed here (root may): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
	return dir
}
