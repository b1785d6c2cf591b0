// Package stores compares how fast events become durable in the file store, in
// Redis, and by appending them to a file with nothing else done.
package stores

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
	"github.com/d13c7061/caddy-tim-callback/queue"
)

const help = `Store measures acknowledged, durable events per second with many concurrent
senders, each of which waits for its event before it sends the next one: in
alternating rounds, on the disk of the temporary folder ($TMPDIR).

  raw    one writer appends all that wait to a file, then one fdatasync: the limit
  redis  appendonly yes, appendfsync always: one XADD per event, over a Unix
         socket, one connection per sender
  file   the file store's Put, with all that it does

Usage: go run ./bench store [flags]
`

// contender is a way to make events durable.
type contender struct {
	name string
	// open makes an empty one in a folder.
	open func(ctx context.Context, dir string, senders int) (store, error)
}

// store is what senders put into. Each sender has a number and one event at a time.
type store interface {
	put(ctx context.Context, sender int, e queue.Event) error
	// cpu is what was used by other processes for it.
	cpu() (time.Duration, error)
	close() error
}

var (
	raw        = contender{"raw", openRaw}
	redis      = contender{"redis", openRedis}
	file       = contender{"file", openFile}
	contenders = []contender{raw, redis, file}
)

// Run compares them.
func Run(ctx context.Context, args []string) (err error) {
	flags := rig.Flags("store", help)
	rounds := flags.Int("rounds", 7, "how often each is measured")
	seconds := flags.Int("seconds", 2, "length of a round")
	senders := flags.String("senders", "64,256", "concurrent senders")
	size := flags.Int("size", 450, "bytes of a payload")
	profile := flags.String("profile", "", "after the rounds, write a CPU profile of the file store with the most senders to this `file`")
	if err := rig.Parse(flags, args); err != nil {
		return err
	}
	if *rounds < 1 || *seconds < 1 || *size < 0 {
		return errors.New("-rounds and -seconds must be at least 1, -size at least 0")
	}
	if err := rig.Check("redis-server"); err != nil {
		return err
	}
	dir, err := rig.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bed := &bed{dir: dir, duration: time.Duration(*seconds) * time.Second, payload: make([]byte, *size)}
	for text := range strings.SplitSeq(*senders, ",") {
		if bed.senders, err = strconv.Atoi(text); err != nil || bed.senders < 1 {
			return fmt.Errorf("-senders: %q is not a number greater than zero", text)
		}
		if err := compare(ctx, bed, *rounds); err != nil {
			return err
		}
	}
	if *profile != "" {
		return takeProfile(ctx, bed, *profile)
	}
	return nil
}

// compare measures all, in an order that is rotated from round to round: what
// slows the machine down for a while must not hit the same one every time.
func compare(ctx context.Context, bed *bed, count int) error {
	fmt.Printf("\n%d senders, events/s in the order of measuring:\n", bed.senders)
	rounds := make([]round, count)
	for i := range rounds {
		rounds[i] = make(round)
		fmt.Printf("round %d:", i+1)
		for n := range contenders {
			c := contenders[(i+n)%len(contenders)]
			result, err := bed.measure(ctx, c)
			if err != nil {
				fmt.Println()
				return fmt.Errorf("round %d: %s: %w", i+1, c.name, err)
			}
			rounds[i][c.name] = result
			fmt.Printf("  %s %.0f", c.name, result.perSecond)
		}
		fmt.Println()
	}
	report(os.Stdout, rounds)
	return nil
}

func takeProfile(ctx context.Context, bed *bed, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("taking a profile: %w", err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("taking a profile: %w", err)
	}
	_, err = bed.measure(ctx, file)
	pprof.StopCPUProfile()
	if err == nil {
		fmt.Printf("\nCPU profile of the file store, %d senders: go tool pprof -top -cum %s\n", bed.senders, path)
	}
	return err
}

// folder is one for a measurement.
func (b *bed) folder() (string, error) {
	b.made++
	dir := filepath.Join(b.dir, strconv.Itoa(b.made))
	return dir, os.Mkdir(dir, 0o700)
}
