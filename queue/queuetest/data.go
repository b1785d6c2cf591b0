package queuetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var odd = []string{"\x00", "a\x00b", "\xff\xfe", "üñí", "\u2028\U0001f600", " \r\n\t", "/../", `"\`, strings.Repeat("k", 1000)}

var dataTests = []test{
	{name: "payloads", kind: restarts, run: func(b *bed) {
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		payloads := [][]byte{nil, {}, {0}, all, bytes.Repeat(all, 256), bytes.Repeat([]byte("x"), 64<<10+1), bytes.Repeat(all, 4096)}
		for i, p := range payloads {
			b.store(queue.Event{ID: fmt.Sprint(i), Key: "k", Payload: p})
		}
		b.restart()
		for i, p := range payloads {
			item := b.take(fmt.Sprint(i))
			if !bytes.Equal(item.Payload, p) {
				b.Errorf("payload %d of %d bytes came back as a different one of %d bytes", i, len(p), len(item.Payload))
			}
			b.Bury(item)
		}
		b.mustHold(0, 0, len(payloads))
		b.restart()
		for i, d := range b.letters("", room) {
			if !bytes.Equal(d.Payload, payloads[i]) {
				b.Errorf("payload %d of %d bytes became a different one of %d bytes in a dead letter", i, len(payloads[i]), len(d.Payload))
			}
		}
	}},
	{name: "payload that the caller changes", run: func(b *bed) {
		payload := []byte("as put")
		b.store(queue.Event{ID: "a1", Key: "a", Payload: payload})
		copy(payload, "reused")
		item := b.take("a1")
		if string(item.Payload) != "as put" {
			b.Errorf("the payload is now %q", item.Payload)
		}
		copy(item.Payload, "spoilt")
		b.Retry(item, b.now())
		if item = b.take("a1"); string(item.Payload) != "as put" {
			b.Errorf("the payload is now %q", item.Payload)
		}
	}},
	{name: "odd IDs", kind: restarts, run: func(b *bed) {
		for _, id := range odd {
			b.store(queue.Event{ID: id, Key: "k"})
		}
		b.restart()
		for _, id := range odd {
			if added, err := b.Put(context.Background(), queue.Event{ID: id, Key: "k"}); added || err != nil {
				b.Errorf("put %q again: %v, %v", id, added, err)
			}
			b.Bury(b.take(id))
		}
		b.mustHold(0, 0, len(odd))
		b.restart()
		for _, id := range odd {
			if n, err := b.replay(id); n != 1 || err != nil {
				b.Errorf("replay %q: %d, %v", id, n, err)
			}
		}
		b.deliver(odd...)
		b.mustHold(0, 0, 0)
	}},
	{name: "odd keys", kind: restarts, run: func(b *bed) {
		for _, key := range odd {
			b.advance(1e9)
			b.store(queue.Event{ID: "1" + key, Key: key})
			b.store(queue.Event{ID: "2" + key, Key: key})
		}
		b.restart()
		for _, key := range odd {
			if !b.has(key) {
				b.Errorf("the store says that it has no event with the key %q", key)
			}
		}
		for _, n := range []string{"1", "2"} {
			var items []*queue.Item
			for range odd {
				item := b.next()
				if item.ID != n+item.Key {
					b.Fatalf("took %q of %q", item.ID, item.Key)
				}
				items = append(items, item)
			}
			b.nothingDue()
			for _, item := range items {
				b.Delivered(item)
			}
		}
		b.mustHold(0, 0, 0)
	}},
	{name: "odd errors", kind: restarts, run: func(b *bed) {
		b.put("a1")
		for _, text := range append(odd, "") {
			item := b.take("a1")
			item.LastError = text
			b.Retry(item, b.now())
			b.restart()
			item = b.take("a1")
			if item.LastError != text {
				b.Errorf("the error %q came back as %q", text, item.LastError)
			}
			b.Release(item)
		}
	}},
	{name: "history", kind: restarts, run: func(b *bed) {
		b.put("a1")
		for n := range queue.MaxHistory + 2 {
			item := b.attempt(b.take("a1"))
			item.Note(queue.Attempt{Took: time.Hour, Answer: strings.Repeat("語", 100*n)})
			b.Retry(item, b.now())
			b.restart()
			b.advance(time.Second)
			again := b.take("a1")
			if b.mustEqual(again, item); n > 3 && len(again.History) != queue.MaxHistory {
				b.Errorf("%d attempts are known, want %d", len(again.History), queue.MaxHistory)
			}
			b.Release(again)
		}
	}},
}

// store puts an event, which must be added.
func (b *bed) store(e queue.Event) {
	b.Helper()
	if added, err := b.Put(context.Background(), e); !added || err != nil {
		b.Fatalf("put %q: %v, %v", e.ID, added, err)
	}
}
