package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const storeHelp = `Store measures acknowledged, durable events per second with many concurrent
senders, each of which waits for its event before it sends the next one: in
alternating rounds, on the disk of the temporary folder ($TMPDIR).

  raw    one writer appends all that wait to a file, then one fdatasync: the limit
  redis  appendonly yes, appendfsync always: one XADD per event, over a Unix
         socket, one connection per sender
  file   the file store's Put, with all that it does

Usage: go run ./bench store [flags]
`

// storeKind is a kind of store that is compared.
type storeKind struct {
	name string
	// open makes an empty store in a folder.
	open func(ctx context.Context, dir string, senders int) (store, error)
}

func (k *storeKind) String() string { return k.name }

// store takes events from senders. Each sender has a number and puts one event at a time.
type store interface {
	put(ctx context.Context, sender int, e rig.Event) error
	// cpu is the CPU time of the other processes that the store consists of.
	cpu() (time.Duration, error)
	close() error
}

var (
	rawKind    = &storeKind{"raw", openRaw}
	redisKind  = &storeKind{"redis", openRedis}
	fileKind   = &storeKind{"file", openFile}
	storeKinds = []*storeKind{rawKind, redisKind, fileKind}
)

// fileStore is the module's file store.
type fileStore struct{ *rig.FileStore }

func openFile(_ context.Context, dir string, _ int) (store, error) {
	s, err := rig.OpenFileStore(filepath.Join(dir, "queue.db"))
	return fileStore{s}, err
}

func (s fileStore) put(ctx context.Context, _ int, e rig.Event) error { return s.Put(ctx, e) }
func (s fileStore) cpu() (time.Duration, error)                       { return 0, nil }
func (s fileStore) close() error                                      { return s.Close() }

// runStore compares how fast events become durable in the file store, in Redis, and in
// a file to which they are appended with nothing else done.
func runStore(ctx context.Context, args []string) (err error) {
	flags := rig.NewFlags("store", storeHelp)
	rounds := flags.Rounds(7, "each")
	seconds := flags.Number("seconds", 2, 1, rig.NoLimit, "length of a round")
	senders := flags.String("senders", "64,256", "concurrent senders")
	size := flags.Number("size", 450, 0, rig.NoLimit, "bytes of a payload")
	profile := flags.Profile("the file store with the most senders")
	if err := flags.Parse(args); err != nil {
		return err
	}
	counts, err := parseSenders(*senders)
	if err != nil {
		return err
	}
	if err := rig.Check("redis-server"); err != nil {
		return err
	}
	r, err := rig.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	t := &storeTest{dir: r.Dir, duration: time.Duration(*seconds) * time.Second, payload: make([]byte, *size)}
	for _, t.senders = range counts {
		if err := t.compare(ctx, *rounds); err != nil {
			return err
		}
	}
	if *profile != "" {
		return t.takeProfile(ctx, fileKind, *profile)
	}
	return nil
}

func parseSenders(list string) (counts []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-senders: %q is not a number greater than zero", text)
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// compare measures all stores in alternating rounds and prints the results.
func (t *storeTest) compare(ctx context.Context, count int) error {
	fmt.Printf("\n%d senders, events/s in the order of measuring:\n", t.senders)
	rounds, err := rig.Alternate(count, storeKinds, eventsPerSecond, func(k *storeKind) (storeResult, error) { return t.measure(ctx, k) })
	if err != nil {
		return err
	}
	rounds.PrintMedians("; CPU is that of the senders too.", "store", rig.Names(storeKinds), storeQuantities...)
	rounds.PrintRatios("events/s", eventsPerSecond, 2,
		rig.Pair{One: fileKind.name, Other: redisKind.name}, rig.Pair{One: fileKind.name, Other: rawKind.name})
	return nil
}

func (t *storeTest) takeProfile(ctx context.Context, kind *storeKind, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("taking a profile: %w", err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("taking a profile: %w", err)
	}
	_, err = t.measure(ctx, kind)
	pprof.StopCPUProfile()
	if err == nil {
		fmt.Printf("\nCPU profile of %s, %d senders: go tool pprof -top -cum %s\n", kind, t.senders, path)
	}
	return err
}
