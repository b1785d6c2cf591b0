package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// rawLog appends the payloads of all events that wait to a file, with one sync for all of
// them, and does nothing else.
type rawLog struct {
	file    *os.File
	puts    chan rawPut
	answers []chan error // one for each sender
	writer  sync.WaitGroup
}

type rawPut struct {
	sender int
	event  rig.Event
}

func openRaw(_ context.Context, dir string, senders int) (store, error) {
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	l := &rawLog{file: f, puts: make(chan rawPut, senders), answers: make([]chan error, senders)}
	for i := range l.answers {
		l.answers[i] = make(chan error, 1)
	}
	l.writer.Go(l.write)
	return l, nil
}

func (l *rawLog) put(_ context.Context, sender int, e rig.Event) error {
	l.puts <- rawPut{sender, e}
	return <-l.answers[sender]
}

func (l *rawLog) write() {
	var buf []byte
	var waiting []int
	for p := range l.puts {
		buf, waiting = append(buf[:0], p.event.Payload...), append(waiting[:0], p.sender)
		for range len(l.puts) {
			p := <-l.puts
			buf, waiting = append(buf, p.event.Payload...), append(waiting, p.sender)
		}
		_, err := l.file.Write(buf)
		if err == nil {
			err = syscall.Fdatasync(int(l.file.Fd()))
		}
		if err != nil {
			err = fmt.Errorf("appending to a file: %w", err)
		}
		for _, sender := range waiting {
			l.answers[sender] <- err
		}
	}
}

func (l *rawLog) cpu() (time.Duration, error) { return 0, nil }

func (l *rawLog) close() error {
	close(l.puts)
	l.writer.Wait()
	return l.file.Close()
}
