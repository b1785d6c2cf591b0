package queuetest

import (
	"context"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// duplicateTests bring the event a1 into some state and put it again.
var duplicateTests = func() (tests []test) {
	for _, state := range []struct {
		name  string
		reach func(*bed)
		added bool
	}{
		{"waiting", func(b *bed) { b.put("a1") }, false},
		{"in flight", func(b *bed) { b.put("a1"); b.take("a1") }, false},
		{"waiting for a retry", func(b *bed) {
			b.put("a1")
			b.Retry(b.take("a1"), b.now().Add(time.Hour))
		}, false},
		{"waiting for long", func(b *bed) { b.put("a1"); b.advance(1000 * time.Hour) }, false},
		{"released", func(b *bed) { b.put("a1"); b.Release(b.take("a1")) }, false},
		{"dead", func(b *bed) { b.put("a1"); b.bury("a1"); b.advance(1000 * time.Hour) }, false},
		{"replayed", func(b *bed) { b.put("a1"); b.bury("a1"); b.replay("a1") }, false},
		{"replayed and delivered", func(b *bed) {
			b.put("a1")
			b.bury("a1")
			b.replay("a1")
			b.deliver("a1")
		}, false},
		{"dropped", func(b *bed) { b.put("a1"); b.bury("a1"); b.drop("a1") }, true},
		{"delivered just now", func(b *bed) { b.put("a1"); b.deliver("a1") }, false},
		{"delivered lately", func(b *bed) {
			b.put("a1")
			b.advance(time.Hour) // the time counts from the delivery, not from the put
			b.deliver("a1")
			b.mustHold(0, 0, 0)
			b.advance(queue.Remember - time.Second)
		}, false},
		{"delivered long ago", func(b *bed) {
			b.put("a1")
			b.deliver("a1")
			b.mustHold(0, 0, 0)
			b.advance(queue.Remember + time.Second)
		}, true},
		{"delivered long ago and lately", func(b *bed) {
			b.put("a1")
			b.deliver("a1")
			b.mustHold(0, 0, 0)
			b.advance(queue.Remember + time.Second)
			b.restart()
			b.put("a1")
			b.deliver("a1")
			b.mustHold(0, 0, 0)
			b.advance(queue.Remember / 2)
			b.put("b1") // this may make the store remove old IDs
			b.deliver("b1")
			b.mustHold(0, 0, 0)
			b.advance(queue.Remember/2 - time.Minute)
		}, false},
	} {
		tests = append(tests, test{name: state.name, kind: restarts, run: func(b *bed) {
			state.reach(b)
			b.restart()
			before := b.settled()
			added, err := b.Put(context.Background(), event("a1", "a"))
			if added != state.added || err != nil {
				b.Errorf("put again: %v, %v, want %v", added, err, state.added)
			}
			if added {
				b.deliver("a1")
				b.duplicate("a1")
			} else if after := b.settled(); after.Waiting+after.InFlight+after.Dead > before.Waiting+before.InFlight+before.Dead {
				b.Errorf("the store held %+v, now %+v", before, after)
			}
		}})
	}
	return append(tests, test{name: "under another key", kind: restarts, run: func(b *bed) {
		b.put("a1")
		b.restart()
		if added, err := b.Put(context.Background(), event("a1", "b")); added || err != nil {
			b.Errorf("put: %v, %v", added, err)
		}
		if b.has("b") {
			b.Error("the store has events with a key with which none was put")
		}
		b.deliver("a1")
		b.nothingDue()
	}})
}()
