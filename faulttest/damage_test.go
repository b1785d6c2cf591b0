package faulttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// If the queue file is damaged, or not a queue file, the server does not start. Its error names the
// file, and the file is left unchanged.
func TestDamagedFile(t *testing.T) {
	chance := chance(t)
	b := newBackend(t)
	b.set(down)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 20)
	l.sendAll(10)
	s.terminate(15 * time.Second)
	whole, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	used := len(bytes.TrimRight(whole, "\x00")) // the store writes zeros ahead
	// a part of an event as it is stored; pages that are not used any more may have it too
	id := []byte(`"From_Account":"` + b.arrivals()[0].subject + `"`)
	if !bytes.Contains(whole, id) {
		t.Fatal("the event is not in the file")
	}

	for _, test := range []struct {
		name  string
		bytes []byte
	}{
		{"garbage", garbage(chance, 64<<10)},
		{"short garbage", []byte("to be\n")},
		{"zeros", make([]byte, 64<<10)},
		{"another database", append([]byte("SQLite format 3\x00"), make([]byte, 16<<10)...)},
		{"half of it", whole[:used/2]},
		{"all but the last page", whole[:used&^4095]},
		{"its beginning", whole[:10000]},
		{"a flipped bit in an event", bytes.ReplaceAll(whole, id, append([]byte("Be"), id[2:]...))},
		{"pages of zeros", withoutPages(whole, id)},
		{"both meta pages gone", append(make([]byte, 8192), whole[8192:]...)},
		{"of another program", foreign(t, "accounts", "format", "1")},
		{"of a later version", foreign(t, "meta", "format", "caddy-tim-callback queue 2")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, b)
			if err := os.WriteFile(s.path, test.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			s.mustRefuse(10*time.Second, s.path)
			after, err := os.ReadFile(s.path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(after, test.bytes) {
				t.Errorf("the file was changed: %d bytes, then %d", len(test.bytes), len(after))
			}
		})
	}
	t.Run("as it was", func(t *testing.T) {
		b.set(up)
		s.start()
		s.mustEmpty()
		check(t, l, b, nil)
	})
}

// A server does not start if another one has its queue file open.
func TestFileInUse(t *testing.T) {
	b := newBackend(t)
	s, other := newServer(t, b), newServer(t, b)
	s.start()
	other.path = s.path
	other.mustRefuse(10*time.Second, s.path, "another process has it open")
	l := newLoad(t, s, 5)
	l.sendAll(2)
	s.mustEmpty()
	check(t, l, b, nil)
}

// mustRefuse starts a server, which must end by itself with an error that has these words.
func (s *server) mustRefuse(limit time.Duration, words ...string) {
	s.t.Helper()
	s.launch()
	s.mustExit(limit)
	if code := s.cmd.ProcessState.ExitCode(); code <= 0 {
		s.t.Errorf("ended with %d", code)
	}
	lines := bytes.Split(bytes.TrimSpace(s.endOfLog()), []byte("\n"))
	last := lines[len(lines)-1]
	for _, word := range words {
		if !bytes.Contains(last, []byte(word)) {
			s.t.Errorf("the error does not say %q: %s", word, last)
		}
	}
	if bytes.Contains(s.endOfLog(), []byte("goroutine ")) {
		s.t.Error("it ended with a panic")
	}
	s.t.Logf("%s", last)
}

func garbage(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// foreign returns a bbolt file with one value.
func foreign(t *testing.T, bucket, key, value string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(fmt.Errorf("reading the foreign file: %w", err))
	}
	return content
}

// withoutPages returns a copy of a file in which all pages are cleared that have something in them.
func withoutPages(file, something []byte) []byte {
	file = bytes.Clone(file)
	for page := range slices.Chunk(file, os.Getpagesize()) {
		if bytes.Contains(page, something) {
			clear(page)
		}
	}
	return file
}
