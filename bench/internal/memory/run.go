// Package memory measures what a million waiting events cost a process.
package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const help = `Memory measures the memory of processes with the file store, at few and at many
waiting events of distinct users: RssAnon, so without the file's mapped pages, as
it is a second after the last event, with no garbage collection forced. Then the
same of processes that open the filled file, and how long that takes. The file is
in the temporary folder ($TMPDIR).

Usage: go run ./bench memory [flags]
`

// state is what a child process says of itself.
type state struct {
	Waiting int
	RssAnon int64 // bytes
	Peak    int64 // of RssAnon
	Opening time.Duration
	Filling time.Duration
	File    int64 // bytes
}

// Run measures a process that fills a store and others that open it.
func Run(ctx context.Context, args []string) (err error) {
	flags := rig.Flags("memory", help)
	few := flags.Int("few", 10_000, "few events")
	many := flags.Int("many", 1_000_000, "many events")
	size := flags.Int("size", 900, "bytes of a payload, as what is kept of a callback has")
	opens := flags.Int("opens", 3, "how often the filled file is opened, the first and every other time from the disk")
	child := flags.String("child", "", "be the process that is measured, with this `file`, and fill it up to -few and -many")
	if err := rig.Parse(flags, args); err != nil {
		return err
	}
	if *child != "" {
		return beChild(ctx, *child, *size, *few, *many)
	}
	if *few < 1 || *many <= *few || *size < 0 {
		return errors.New("-few must be at least 1 and less than -many, -size at least 0")
	}
	dir, err := rig.TempDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	start := func(file string, few, many int) ([]state, error) {
		return run(ctx, "-child", filepath.Join(dir, file), "-size", fmt.Sprint(*size), "-few", fmt.Sprint(few), "-many", fmt.Sprint(many))
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

	// the first one fills it; nothing is filled where as much waits already
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
			if err := evict(ctx, filepath.Join(dir, "many.db")); err != nil {
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

// evict has the kernel forget what it has of a file in memory, as after a reboot.
func evict(ctx context.Context, path string) error {
	dd := exec.CommandContext(ctx, "dd", "of="+path, "oflag=nocache", "conv=notrunc,fdatasync", "count=0")
	if output, err := dd.CombinedOutput(); err != nil {
		return fmt.Errorf("evicting %s from memory: %w\n%s", path, err, output)
	}
	return nil
}

// run runs a process of this program and returns what it says.
func run(ctx context.Context, args ...string) (states []state, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, program, append([]string{"memory"}, args...)...)
	// Ctrl-C is for this program only, which kills it
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	child.Stderr = &stderr
	output, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("the process that is measured: %w\n%s", errors.Join(err, ctx.Err()), &stderr)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for decoder.More() {
		var s state
		if err := decoder.Decode(&s); err != nil {
			return nil, fmt.Errorf("what the measured process says: %w", err)
		}
		states = append(states, s)
	}
	return states, nil
}
