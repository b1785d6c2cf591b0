package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/lanes"
)

const (
	sampleWaiting = 290
	sampleDead    = 5
)

// sample returns a queue file that has records in each bucket, branch pages, and elements that
// extend over several pages.
func sample(t testing.TB) []byte {
	path := filepath.Join(t.TempDir(), "sample.db")
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			payload := bytes.Repeat([]byte{byte(i)}, 450)
			if i%50 == 7 {
				payload = bytes.Repeat(payload, 20)
			}
			if _, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint("id", i), Key: fmt.Sprint(i), Payload: payload}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 15 {
		item, _, err := s.Take(time.Now())
		if err != nil || item == nil {
			t.Fatal(item, err)
		}
		item.Attempts, item.LastError = 1, "status 400"
		switch i % 3 {
		case 0:
			s.Delivered(item)
		case 1:
			s.Bury(item)
		default:
			s.Retry(item, time.Now().Add(-time.Second))
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole[:len(readerOf(whole).seen)*os.Getpagesize()] // zeros follow
}

// checkSample opens a changed copy of the sample. The store must either refuse it, and leave it
// unchanged and unlocked, or find all events in it.
func checkSample(t *testing.T, path string, changed, whole []byte) {
	t.Helper()
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path, LockTimeout: time.Second})
	if err != nil {
		if !strings.Contains(err.Error(), "it is damaged: ") || len(err.Error()) > 500 {
			t.Errorf("refused with: %v", err)
		}
		s = repaired(t, path, changed, whole)
	}
	for range sampleWaiting {
		if item, _, err := s.Take(time.Now()); item == nil || err != nil {
			t.Errorf("an event is gone: %v", err)
			break
		}
	}
	if n := s.Counts().Dead; n != sampleDead {
		t.Errorf("%d dead letters, want %d", n, sampleDead)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// repaired checks that a refused file was not changed, repairs it, and opens it.
func repaired(t *testing.T, path string, refused, whole []byte) *Store {
	t.Helper()
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, refused) {
		t.Errorf("what was refused is changed, %v", err)
	}
	// this writes into the existing file, as cp does
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path, LockTimeout: time.Second})
	if err != nil {
		t.Fatalf("repaired, it is refused: %v", err)
	}
	return s
}

// TestDamagedPages checks that all kinds of damaged pages are found before bbolt reads them.
func TestDamagedPages(t *testing.T) {
	whole := sample(t)
	size := os.Getpagesize()
	path := filepath.Join(t.TempDir(), "queue.db")
	reader := readerOf(whole)
	if err := readSample(reader); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func(page []byte, id int){
		"zeros":                 func(p []byte, _ int) { clear(p) },
		"another number":        func(p []byte, _ int) { p[0] ^= 1 },
		"another kind":          func(p []byte, _ int) { p[8] ^= 3 },
		"meta page":             func(p []byte, _ int) { p[8] = 4 },
		"more elements":         func(p []byte, _ int) { p[10], p[11] = 0xff, 0x7f },
		"longer":                func(p []byte, _ int) { p[14] = 0x7f },
		"a key far away":        func(p []byte, _ int) { p[23] ^= 0x40 },
		"a huge key":            func(p []byte, _ int) { p[27] ^= 0x40 },
		"refers to itself":      func(p []byte, id int) { binary.NativeEndian.PutUint64(p[24:], uint64(id)) },
		"refers beyond the end": func(p []byte, _ int) { p[31] = 1 },
		"noise": func(p []byte, _ int) {
			for i := range p {
				p[i] = byte(random.Uint32())
			}
		},
		"noise in its elements": func(p []byte, _ int) {
			for i := range p[pageHeader:128] {
				p[pageHeader+i] = byte(random.Uint32())
			}
		},
		"a bit": func(p []byte, _ int) { p[pageHeader+random.IntN(64)] ^= 1 << random.IntN(8) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			refused := 0
			for id, used := range reader.seen {
				if id < 2 || !used || page(whole[id*size:]).id() != uint64(id) {
					continue // a meta page, a free page, or one that continues another
				}
				changed := bytes.Clone(whole)
				damage(changed[id*size:][:size], id)
				if readSample(readerOf(changed)) != nil {
					refused++
					if refused > 1 {
						continue // writing and opening files takes long
					}
				}
				checkSample(t, path, changed, whole)
			}
			if refused == 0 {
				t.Error("it was never refused")
			}
		})
	}
}

// readerOf returns a reader of a file whose meta pages are sound.
func readerOf(file []byte) *pages {
	size := os.Getpagesize()
	number := func(meta, at int) uint64 { return binary.NativeEndian.Uint64(file[meta*size+pageHeader+at:]) }
	meta := 0
	if number(1, 48) > number(0, 48) { // the later transaction
		meta = 1
	}
	return newPages(bytes.NewReader(file), int64(number(meta, 40))*int64(size), size, number(meta, 16))
}

// readSample reads what Open would read.
func readSample(p *pages) error {
	s := &Store{seed: maphash.MakeSeed(), options: Options{now: time.Now}}
	return readRecords(p, s.collect(&contents{index: lanes.New(time.Time{}, 0), ids: make(map[uint64]reference)}))
}
