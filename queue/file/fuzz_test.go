package file

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzFile checks that no file makes the process end or hang, whatever is in it, and that a file
// that is refused is neither changed nor locked.
func FuzzFile(f *testing.F) {
	whole := sample(f)
	f.Add(uint32(2*4096), []byte{0})
	f.Add(uint32(0), make([]byte, 4096))
	f.Add(uint32(4096+64), []byte{0xff, 0xff})
	for page := range uint32(20) {
		f.Add(page*4096+8, []byte{2, 0, 0xff, 0x7f})
		f.Add(page*4096+16, []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
		f.Add(page*4096+24, []byte{byte(page)})
	}
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		changed := bytes.Clone(whole)
		copy(changed[int(at)%len(changed):], patch)
		path := filepath.Join(t.TempDir(), "queue.db")
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Path: path, LockTimeout: time.Second})
		if err != nil {
			s = repaired(t, path, changed, whole)
		}
		for range sampleWaiting {
			item, _, err := s.Take(time.Now())
			if err != nil {
				t.Error(err)
			}
			if item == nil {
				break
			}
			s.Delivered(item)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
