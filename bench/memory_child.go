package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// memorySenders is how many senders fill the store at the same time.
const memorySenders = 256

// beChild opens the store, fills it up to few and then to many events, and prints each
// time how large the process is.
func beChild(ctx context.Context, path string, size, few, many int) (err error) {
	start := time.Now()
	s, err := rig.OpenFileStore(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := memoryState{Opening: time.Since(start)}
	for _, until := range []int{few, many} {
		start := time.Now()
		if err := fill(ctx, s, size, until, &now.Peak); err != nil {
			return err
		}
		now.Filling = time.Since(start)
		time.Sleep(time.Second)
		now.Waiting = s.Waiting()
		if now.RssAnon, err = rig.OwnRssAnon(); err != nil {
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

// fill puts events, each of another user, until so many wait. Meanwhile it notes the
// peak of this process's memory.
func fill(ctx context.Context, s *rig.FileStore, size, until int, peak *int64) error {
	var last atomic.Int64
	last.Store(int64(s.Waiting()))
	payload := make([]byte, size)
	filled := make(chan error, 1)
	go func() {
		filled <- rig.Together(memorySenders, func(int) error {
			for n := last.Add(1); n <= int64(until); n = last.Add(1) {
				number := strconv.FormatInt(n, 10)
				hash := sha256.Sum256([]byte(number))
				if err := s.Put(ctx, rig.NewEvent([16]byte(hash[:16]), "user"+number, payload)); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	for {
		select {
		case err := <-filled:
			return err
		case <-time.After(100 * time.Millisecond):
			if now, err := rig.OwnRssAnon(); err == nil {
				*peak = max(*peak, now)
			}
		}
	}
}
