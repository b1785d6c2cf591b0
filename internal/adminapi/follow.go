package adminapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Message is what a stream of callbacks has brought: a callback, or how many were left out, or neither.
type Message struct {
	Cursor   string // where the stream is now
	Callback *Callback
	Lost     uint64
}

// ErrEnded is the error of a stream that has ended on the other side.
var ErrEnded = errors.New("the stream has ended")

// Follow yields what a stream of callbacks brings, until ctx ends or there is an error. It begins after
// the callback with the cursor after; if after is "", it begins as the filters in query say. The first
// message says that there is a connection.
func (c Client) Follow(ctx context.Context, query url.Values, after string) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		body, err := c.stream(ctx, query, after)
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer body.Close()
		defer context.AfterFunc(ctx, func() { body.Close() })()
		// a connection may be dead although nobody has closed it
		silence := time.AfterFunc(3*Heartbeat, func() { body.Close() })
		defer silence.Stop()
		err = readEvents(body, func(e event) (bool, error) {
			silence.Reset(3 * Heartbeat)
			m, err := e.message()
			if err != nil {
				return false, c.notOurs(err)
			}
			return yield(m, nil), nil
		})
		if err != nil && ctx.Err() == nil {
			yield(Message{}, err)
		}
	}
}

// stream opens a stream. It does not wait for an answer longer than ctx lets it.
func (c Client) stream(ctx context.Context, query url.Values, after string) (io.ReadCloser, error) {
	type answer struct {
		resp *http.Response
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		resp, err := c.get(RecentStream, query, url.Values{"after": {after}}, http.Header{"Accept": {"text/event-stream"}})
		answered <- answer{resp, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			return nil, a.err
		}
		if kind := a.resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			a.resp.Body.Close()
			return nil, c.notOurs(fmt.Errorf("it has the type %q", kind))
		}
		return a.resp.Body, nil
	case <-ctx.Done():
		go func() {
			if a := <-answered; a.err == nil {
				a.resp.Body.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// event is a server-sent event.
type event struct{ name, id, data string }

func (e event) message() (Message, error) {
	m := Message{Cursor: e.id}
	switch {
	case e.data == "":
		return m, nil
	case e.name == EventLost:
		var lost Lost
		err := json.Unmarshal([]byte(e.data), &lost)
		m.Lost = lost.Lost
		return m, err
	case e.name != "":
		return m, nil // of a newer version
	}
	m.Callback = new(Callback)
	return m, json.Unmarshal([]byte(e.data), m.Callback)
}

// maxEvent is the size of the largest line of a stream. Callbacks are much smaller.
const maxEvent = 1 << 20

// readEvents reads server-sent events until do returns false or an error, or until they end, which
// is [ErrEnded]. id is that of the last event that had one.
func readEvents(r io.Reader, do func(event) (more bool, err error)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var e event
	for lines.Scan() {
		line := lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			if e.data != "" {
				e.data += "\n"
			}
			e.data += value
		case "":
			if line != "" { // a comment
				continue
			}
			if more, err := do(e); err != nil || !more {
				return err
			}
			e.name, e.data = "", ""
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("a line of the stream is longer than %d bytes", maxEvent)
	}
	return ErrEnded
}
