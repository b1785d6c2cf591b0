package queuetest

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// wakeTests check that a store in which no event is due sends a signal when an event becomes due.
var wakeTests = func() (tests []test) {
	for _, w := range []struct {
		name string
		// reach brings the store into a state in which no event is due
		reach func(*bed) *queue.Item
		act   func(*bed, *queue.Item)
		id    string
	}{
		{"put", func(b *bed) *queue.Item { return nil },
			func(b *bed, _ *queue.Item) { b.put("a1") }, "a1"},
		{"put of another key", takeFirst,
			func(b *bed, _ *queue.Item) { b.put("b1") }, "b1"},
		{"delivered", takeFirst,
			func(b *bed, item *queue.Item) { b.Delivered(item) }, "a2"},
		{"bury", takeFirst,
			func(b *bed, item *queue.Item) { b.Bury(item) }, "a2"},
		{"release", takeFirst,
			func(b *bed, item *queue.Item) { b.Release(item) }, "a1"},
		{"retry at once", takeFirst,
			func(b *bed, item *queue.Item) { b.Retry(item, b.now()) }, "a1"},
		{"replay", func(b *bed) *queue.Item { b.put("a1"); b.bury("a1"); return nil },
			func(b *bed, _ *queue.Item) { b.replay("a1") }, "a1"},
		{"hasten", func(b *bed) *queue.Item {
			b.put("a1")
			b.Retry(b.take("a1"), b.now().Add(time.Hour))
			b.eventually("the retry", func() bool { return !b.nothingDue().IsZero() })
			return nil
		}, func(b *bed, _ *queue.Item) { b.Hasten() }, "a1"},
	} {
		tests = append(tests, test{name: w.name, run: func(b *bed) {
			item := w.reach(b)
			b.drain()
			b.nothingDue()
			w.act(b, item)
			b.wait()
			b.take(w.id)
		}})
	}
	return append(tests,
		test{name: "a retry earlier than the next", run: func(b *bed) {
			b.put("a1", "b1")
			later, sooner := b.now().Add(time.Hour), b.now().Add(time.Minute)
			b.Retry(b.take("a1"), later)
			item := b.take("b1")
			b.eventually("next", func() bool { return b.nothingDue().Equal(later) })
			b.drain()
			b.Retry(item, sooner)
			for next := later; !next.Equal(sooner); next = b.nothingDue() {
				b.wait()
			}
		}},
		test{name: "signals add up to one", run: func(b *bed) {
			b.put("a1", "b1", "c1") // nobody receives the signals, but Put does not block
			b.wait()
			b.take("a1", "b1", "c1")
		}},
	)
}()

func takeFirst(b *bed) *queue.Item {
	b.put("a1", "a2")
	return b.take("a1")
}

// drain receives the signals that were sent until now.
func (b *bed) drain() {
	for {
		select {
		case <-b.Wake():
		default:
			return
		}
	}
}

func (b *bed) wait() {
	b.Helper()
	select {
	case <-b.Wake():
	case <-time.After(b.patience()):
		b.Fatal("no signal")
	}
}
