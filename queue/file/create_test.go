package file

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// If several stores create the same file at the same time, only one of them opens it, and no other
// file is left in the folder.
func TestCreateAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "queue.db")
	var mu sync.Mutex
	var opened []*Store
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(Options{Path: path, LockTimeout: 200 * time.Millisecond})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			opened = append(opened, s)
		})
	}
	wg.Wait()
	for _, s := range opened {
		defer s.Close()
	}
	if len(opened) != 1 {
		t.Errorf("%d have the file open", len(opened))
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 1 || names[0].Name() != "queue.db" {
		t.Errorf("the folder has %v", names)
	}
}
