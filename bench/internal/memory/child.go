package memory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// senders put at a time.
const senders = 256

// beChild opens the store, fills it up to each of the sizes, and says each time
// how large the process is.
func beChild(ctx context.Context, path string, size int, few, many int) (err error) {
	start := time.Now()
	s, err := file.Open(file.Options{Path: path, MaxEvents: 1 << 30})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := state{Opening: time.Since(start)}
	for _, until := range []int{few, many} {
		start := time.Now()
		if err := fill(ctx, s, size, until, &now.Peak); err != nil {
			return err
		}
		now.Filling = time.Since(start)
		time.Sleep(time.Second)
		now.Waiting = s.Counts().Waiting
		if now.RssAnon, err = rssAnon(); err != nil {
			return err
		}
		now.Peak = max(now.Peak, now.RssAnon)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		now.File = info.Size()
		if err := json.NewEncoder(os.Stdout).Encode(now); err != nil {
			return err
		}
	}
	return nil
}

// fill puts events, each of a user of its own, until so many wait.
func fill(ctx context.Context, s *file.Store, size, until int, peak *int64) error {
	var next atomic.Int64
	next.Store(int64(s.Counts().Waiting))
	payload := make([]byte, size)
	errs := make([]error, senders)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for errs[i] == nil {
				n := int(next.Add(1))
				if n > until {
					return
				}
				id := sha256.Sum256(strconv.AppendInt(nil, int64(n), 10))
				_, errs[i] = s.Put(ctx, queue.Event{
					ID:      hex.EncodeToString(id[:16]),
					Key:     rig.SDKAppID + "/user" + strconv.Itoa(n),
					Payload: payload,
				})
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			return errors.Join(errs...)
		case <-time.After(100 * time.Millisecond):
			if now, err := rssAnon(); err == nil {
				*peak = max(*peak, now)
			}
		}
	}
}

// rssAnon is how much memory of this process is in no file.
func rssAnon() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte("\nRssAnon:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0, fmt.Errorf("/proc/self/status has an unknown format: %w", err)
	}
	return kilobytes << 10, nil
}
