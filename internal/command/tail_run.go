package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// tailer is one run of the tail command.
type tailer struct {
	client   adminapi.Client
	query    url.Values
	out, err io.Writer
	json     bool
	palette  console.Palette
	terminal bool // whether out is one
	cursor   string
}

// print prints what is remembered, oldest first.
func (t *tailer) print() error {
	var all []adminapi.Callback
	for page, err := range t.client.Recent(t.query) {
		if err != nil {
			return err
		}
		all = append(all, page...)
	}
	if len(all) == 0 && !t.json {
		fmt.Fprintln(t.err, "no such callback is remembered")
	}
	for _, c := range slices.Backward(all) {
		if err := t.write(&c); err != nil {
			return err
		}
	}
	return nil
}

// The waits until the command connects again, and how long it does not say so: a reload is nothing
// to worry about.
const (
	minReconnect = 100 * time.Millisecond
	maxReconnect = 2 * time.Second
	quietFor     = time.Second
)

// errWriting is that of the output, which ends the command.
type errWriting struct{ error }

// follow prints callbacks until ctx ends, and connects again if the stream ends. It returns an error if
// there is no connection at first.
func (t *tailer) follow(ctx context.Context) error {
	connected, told, wait := false, false, minReconnect
	ended := time.Now()
	for {
		err := t.stream(ctx, func() {
			if told {
				fmt.Fprintln(t.err, "connected again")
			}
			connected, told, wait = true, false, minReconnect
			ended = time.Time{}
		})
		var writing errWriting
		switch {
		case ctx.Err() != nil:
			return nil
		case !connected:
			return err
		case errors.As(err, &writing):
			return writing.error
		}
		if ended.IsZero() {
			ended = time.Now()
		}
		if !told && time.Since(ended) > quietFor {
			told = true
			fmt.Fprintf(t.err, "the connection to Caddy has ended, trying to connect again: %s\n", console.Line(err.Error()))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, maxReconnect)
	}
}

// stream prints the callbacks of one connection, and returns why it has ended.
func (t *tailer) stream(ctx context.Context, connected func()) error {
	first := true
	for m, err := range t.client.Follow(ctx, t.query, t.cursor) {
		if err != nil {
			return err
		}
		if first {
			connected()
			first = false
			if run(t.cursor) != run(m.Cursor) && t.cursor != "" {
				fmt.Fprintln(t.err, "Caddy was restarted")
			}
		}
		if m.Lost > 0 {
			fmt.Fprintf(t.err, "%s missed: more came than Caddy remembers until they can be shown\n", callbacks(m.Lost))
		}
		if m.Callback != nil {
			if err := t.write(m.Callback); err != nil {
				return errWriting{err}
			}
		}
		t.cursor = m.Cursor
	}
	return cmp.Or(ctx.Err(), adminapi.ErrEnded)
}

// run returns which process a cursor is of.
func run(cursor string) string {
	process, _, _ := strings.Cut(cursor, "-")
	return process
}

func callbacks(n uint64) string {
	if n == 1 {
		return "1 callback was"
	}
	return fmt.Sprintf("%d callbacks were", n)
}

func (t *tailer) write(c *adminapi.Callback) error {
	if t.json {
		return writeCleanJSON(t.out, c)
	}
	_, err := io.WriteString(t.out, t.line(c))
	return err
}
