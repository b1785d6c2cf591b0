package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const memoryHelp = `Memory measures the memory of processes with the file store, at few and at many
waiting events of distinct users: RssAnon, so without the file's mapped pages, as
it is a second after the last event, with no garbage collection forced. Then the
same of processes that open the filled file, and how long that takes. The file is
in the temporary folder ($TMPDIR).

Usage: go run ./bench memory [flags]
`

// memoryState is what a child process prints about itself.
type memoryState struct {
	Waiting int
	RssAnon int64 // bytes
	Peak    int64 // of RssAnon
	Opening time.Duration
	Filling time.Duration
	File    int64 // bytes
}

// runMemory measures how much memory a process takes that fills a store, and how much
// others take that open it.
func runMemory(ctx context.Context, args []string) (err error) {
	flags := rig.NewFlags("memory", memoryHelp)
	few := flags.Number("few", 10_000, 1, rig.NoLimit, "few events")
	many := flags.Number("many", 1_000_000, 1, rig.NoLimit, "many events")
	size := flags.Number("size", 900, 0, rig.NoLimit, "bytes of a payload, as what is kept of a callback has")
	opens := flags.Int("opens", 3, "how often the filled file is opened, the first and every other time from the disk")
	child := flags.String("child", "", "be the process that is measured, with this `file`, and fill it up to -few and -many")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *child != "" {
		return beChild(ctx, *child, *size, *few, *many)
	}
	if *many <= *few {
		return errors.New("-few must be less than -many")
	}
	r, err := rig.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	start := func(file string, few, many int) ([]memoryState, error) {
		return runChild(ctx, "-child", filepath.Join(r.Dir, file), "-size", fmt.Sprint(*size), "-few", fmt.Sprint(few), "-many", fmt.Sprint(many))
	}
	filled, err := start("many.db", *few, *many)
	if err != nil {
		return err
	}
	fmt.Printf("a process that stores events of %d bytes:\n", *size)
	for _, s := range filled {
		fmt.Printf("  %7d waiting: RssAnon %4d MB (peak %d MB), file %d MB, stored in %.1f s\n",
			s.Waiting, s.RssAnon>>20, s.Peak>>20, s.File>>20, s.Filling.Seconds())
	}
	fmt.Printf("  difference: %d MB\n", (filled[1].RssAnon-filled[0].RssAnon)>>20)

	// the first process fills the file; the second one finds it full and only opens it
	if _, err := start("few.db", *few, *few); err != nil {
		return err
	}
	small, err := start("few.db", *few, *few)
	if err != nil {
		return err
	}
	fmt.Printf("processes that open a file:\n  %7d waiting: RssAnon %4d MB (peak %d MB), opened in %.2f s\n",
		small[0].Waiting, small[0].RssAnon>>20, small[0].Peak>>20, small[0].Opening.Seconds())
	for n := range *opens {
		from := "memory"
		if n%2 == 0 {
			from = "disk"
			if err := evict(filepath.Join(r.Dir, "many.db")); err != nil {
				return err
			}
		}
		opened, err := start("many.db", *many, *many)
		if err != nil {
			return err
		}
		s := opened[0]
		fmt.Printf("  %7d waiting: RssAnon %4d MB (peak %d MB), opened in %.2f s from %s; difference: %d MB\n",
			s.Waiting, s.RssAnon>>20, s.Peak>>20, s.Opening.Seconds(), from, (s.RssAnon-small[0].RssAnon)>>20)
	}
	return nil
}

// evict drops what the kernel has of a file in memory, as a reboot does.
func evict(path string) error {
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		// only what is on the disk can be dropped
		if err = f.Sync(); err == nil {
			err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		}
	}
	if err != nil {
		return fmt.Errorf("dropping %s from memory: %w", path, err)
	}
	return nil
}

// runChild runs a process of this program and returns what it prints.
func runChild(ctx context.Context, args ...string) (states []memoryState, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	child := rig.Command(ctx, program, append([]string{"memory"}, args...)...)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	output, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("the process that is measured: %w\n%s", errors.Join(err, ctx.Err()), &stderr)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for decoder.More() {
		var s memoryState
		if err := decoder.Decode(&s); err != nil {
			return nil, fmt.Errorf("reading what the measured process printed: %w", err)
		}
		states = append(states, s)
	}
	return states, nil
}
