package queuetest

import (
	"errors"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var deadTests = []test{
	{name: "bury", kind: restarts, run: func(b *bed) {
		b.put("a1")
		put := b.now()
		b.advance(time.Minute)
		b.Retry(b.attempt(b.take("a1")), b.now())
		first := b.now()
		b.advance(time.Minute)
		b.bury("a1")
		b.nothingDue()
		b.restart()
		b.mustHold(0, 0, 1)
		letter := b.letters("", 1)[0]
		b.mustEqual(&letter.Item, &queue.Item{Event: event("a1", "a"), Received: put,
			Attempts: 2, Refusals: 4, First: first, Last: b.now(), LastError: "status 503", History: []queue.Attempt{
				{At: first, Took: 1_234_567, Error: "status 503", Answer: "answer 1"},
				{At: b.now(), Took: 2 * 1_234_567, Error: "status 503", Answer: "answer 2"}}})
	}},
	{name: "listed in the order in which they were buried", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1")
		b.Retry(b.take("a1"), b.now().Add(time.Minute))
		b.bury("b1", "c1")
		b.advance(time.Minute)
		b.bury("a1")
		b.restart()
		b.mustList("b1", "c1", "a1")
		b.put("a2")
		b.bury("a2")
		b.mustList("b1", "c1", "a1", "a2")
	}},
	{name: "pages", kind: restarts, run: func(b *bed) {
		all := []string{"a1", "b1", "c1", "d1", "e1", "f1", "g1"}
		b.put(all...)
		b.bury(all...)
		if list := b.letters("", 0); len(list) != 0 {
			b.Errorf("a page of 0 has %v", names(list))
		}
		var got []string
		cursor := ""
		for _, want := range []int{3, 3, 1, 0} {
			page := b.letters(cursor, 3)
			if len(page) != want {
				b.Fatalf("a page of %d, want %d", len(page), want)
			}
			if got = append(got, names(page)...); want > 0 {
				cursor = page[want-1].Cursor
			}
			b.restart()
		}
		if !slices.Equal(got, all) {
			b.Errorf("got %v", got)
		}
	}},
	{name: "cursor of a letter that was removed", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1", "d1")
		b.bury("a1", "b1", "c1", "d1")
		list := b.letters("", room)
		for _, step := range []struct {
			act    func(...string) (int, error)
			id     string
			after  int
			behind []string
		}{
			{b.drop, "b1", 1, []string{"c1", "d1"}},
			{b.replay, "a1", 0, []string{"c1", "d1"}},
			{b.drop, "d1", 3, nil},
			{b.drop, "c1", 0, nil},
		} {
			if _, err := step.act(step.id); err != nil {
				b.Fatal(err)
			}
			b.restart()
			if got := names(b.letters(list[step.after].Cursor, room)); !slices.Equal(got, step.behind) {
				b.Errorf("without %s: %v after %s, want %v", step.id, got, list[step.after].ID, step.behind)
			}
		}
		// a cursor must not be used for two letters, or a caller that reads page after page
		// would miss this one
		b.put("e1")
		b.bury("a1", "e1")
		if got := names(b.letters(list[3].Cursor, room)); !slices.Equal(got, []string{"a1", "e1"}) {
			b.Errorf("%v after the last one, want a1 and e1, which were buried since", got)
		}
	}},
	{name: "replay and drop", run: func(b *bed) {
		for _, test := range []struct {
			name string
			ids  []string
			want int
			err  error
			left []string
		}{
			{"one", []string{"b1"}, 1, nil, []string{"a1", "c1"}},
			{"some", []string{"c1", "a1"}, 2, nil, []string{"b1"}},
			{"all", nil, 3, nil, nil},
			{"twice the same", []string{"b1", "b1", "a1", "b1"}, 2, nil, []string{"c1"}},
			{"unknown", []string{"x1"}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
			{"unknown among others", []string{"a1", "x1", "b1"}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
			{"waiting", []string{"a1", "w1"}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
			{"in flight", []string{"t1"}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
			{"delivered", []string{"d1"}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
			{"no ID", []string{""}, 0, queue.ErrNotFound, []string{"a1", "b1", "c1"}},
		} {
			for _, drop := range []bool{false, true} {
				b.reopenEmpty(queue.Limits{})
				b.put("d1", "a1", "b1", "c1", "t1", "w1")
				b.deliver("d1")
				b.bury("a1", "b1", "c1")
				b.take("t1")
				b.mustHold(1, 1, 3)
				act, waiting := b.replay, 1+test.want
				if drop {
					act, waiting = b.drop, 1
				}
				if n, err := act(test.ids...); n != test.want || !errors.Is(err, test.err) {
					b.Errorf("%s, drop %v: %d, %v, want %d, %v", test.name, drop, n, err, test.want, test.err)
				}
				b.mustList(test.left...)
				b.mustHold(waiting, 1, len(test.left))
				if n, err := act(); n != len(test.left) || err != nil {
					b.Errorf("%s, drop %v, the rest: %d, %v, want %d", test.name, drop, n, err, len(test.left))
				}
				if n, err := act(); n != 0 || err != nil {
					b.Errorf("%s, drop %v, nothing left: %d, %v", test.name, drop, n, err)
				}
			}
		}
	}},
	{name: "a replayed letter is the newest of its key", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.bury("a1")
		item := b.take("a2")
		b.advance(time.Hour)
		if n, err := b.replay("a1"); n != 1 || err != nil {
			b.Fatal(n, err)
		}
		at := b.now()
		b.put("a4")
		if b.reopens {
			b.restart()
			item = b.take("a2")
		}
		b.Delivered(item)
		b.deliver("a3")
		item = b.take("a1")
		b.mustEqual(item, &queue.Item{Event: event("a1", "a"), Received: at})
		b.Bury(b.attempt(item))
		b.deliver("a4")
		b.mustList("a1")
	}},
	{name: "replayed in the order in which they were buried", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.bury("a1", "a2", "a3")
		b.replay()
		b.restart()
		b.deliver("a1", "a2", "a3")
	}},
	{name: "dropped", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1")
		b.bury("a1", "b1")
		b.drop("a1")
		b.restart()
		b.mustList("b1")
		b.drop()
		b.restart()
		b.mustList()
		b.nothingDue()
	}},
}

// replay and drop use the store that is open when they are called. A method value of the store
// would use the one that was open when it was made.
func (b *bed) replay(ids ...string) (int, error) { return b.Replay(ids...) }
func (b *bed) drop(ids ...string) (int, error)   { return b.Drop(ids...) }

func (b *bed) mustList(want ...string) {
	b.Helper()
	if got := names(b.letters("", room)); !slices.Equal(got, want) {
		b.Errorf("dead letters %v, want %v", got, want)
	}
}
