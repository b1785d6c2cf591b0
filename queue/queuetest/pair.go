package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// pair is two stores that share a queue.
type pair struct{ a, b *bed }

// pair opens a second store, and waits until both have their share.
func (b *bed) pair() *pair {
	b.Helper()
	p := &pair{b, b.second()}
	b.eventually("both stores have a share of the queue", func() bool {
		for _, on := range []*bed{p.a, p.b} {
			if shared, ok := on.Store.(queue.Shared); ok && (shared.Node().Nodes < 2 || shared.Node().Partitions == 0) {
				return false
			}
		}
		return true
	})
	return p
}

// second opens another store on the queue. It is closed at the end of the test.
func (b *bed) second() *bed {
	b.Helper()
	c := *b
	c.Store = b.o.Second(b.T, b.dir, b.limits, b.now)
	c.Cleanup(func() { c.Close() })
	return &c
}

// firsts returns an ID for each of so many keys that each store of a pair surely has some of them.
func firsts(n string) (ids []string) {
	for key := 'a'; key < 'y'; key++ {
		ids = append(ids, string(key)+n)
	}
	return ids
}

// next waits for an event that either store hands out.
func (p *pair) next() (on *bed, item *queue.Item) {
	p.a.Helper()
	timeout := time.After(p.a.patience())
	for {
		for _, on := range []*bed{p.a, p.b} {
			item, _, err := on.Take(on.now())
			if err != nil {
				on.Fatal("take:", err)
			}
			if item != nil {
				return on, item
			}
		}
		select {
		case <-p.a.Wake():
		case <-p.b.Wake():
		case <-timeout:
			p.a.Fatal("nothing to take, and no signal")
		}
	}
}

func (p *pair) take(id string) (on *bed, item *queue.Item) {
	p.a.Helper()
	if on, item = p.next(); item.ID != id {
		p.a.Fatalf("took %s, want %s", item.ID, id)
	}
	return on, item
}

func (p *pair) nothingDue() {
	p.a.Helper()
	p.a.nothingDue()
	p.b.nothingDue()
}

func (p *pair) bury(id string) {
	p.a.Helper()
	on, item := p.take(id)
	on.Bury(item)
	p.mustHold(0, 0, 1)
}

// mustHold waits until both stores together have these counts, and both tell them as the totals. Only
// the store that has taken an event knows that it is in flight.
func (p *pair) mustHold(waiting, inFlight, dead int) {
	p.a.Helper()
	var counts [4]queue.Counts
	p.a.eventually(fmt.Sprintf("%d waiting, %d in flight, %d dead", waiting, inFlight, dead), func() bool {
		counts[0], counts[1] = p.a.Counts(), p.b.Counts()
		both := counts[0]
		both.Waiting += counts[1].Waiting
		both.InFlight += counts[1].InFlight
		both.Dead += counts[1].Dead
		both.Bytes += counts[1].Bytes
		if both.Oldest.IsZero() || !counts[1].Oldest.IsZero() && counts[1].Oldest.Before(both.Oldest) {
			both.Oldest = counts[1].Oldest
		}
		for i, on := range []*bed{p.a, p.b} {
			totals, err := on.Totals(context.Background())
			if err != nil {
				on.Fatal("totals:", err)
			}
			counts[2+i] = totals
			if totals.Waiting+totals.InFlight != waiting+inFlight || totals.Dead != dead || totals.Bytes != both.Bytes || !totals.Oldest.Equal(both.Oldest) {
				return false
			}
		}
		return both.Waiting == waiting && both.InFlight == inFlight && both.Dead == dead
	})
}

// hold puts two events of each of many keys, and takes the first ones. What the second store has taken it
// delivers. It returns what the first one has taken.
func (p *pair) hold() (held []*queue.Item) {
	p.a.Helper()
	for _, n := range []string{"1", "2"} {
		for i, id := range firsts(n) {
			[]*bed{p.a, p.b}[i%2].put(id)
		}
	}
	var delivered []*queue.Item
	for range firsts("1") {
		on, item := p.next()
		if item.ID[1:] != "1" || item.Owned == nil || item.Owned.Err() != nil {
			p.a.Fatalf("took %+v", item)
		}
		if on == p.a {
			held = append(held, item)
		} else {
			delivered = append(delivered, item)
		}
	}
	if len(held) == 0 {
		p.a.Fatal("only one of the stores hands out events")
	}
	for _, item := range delivered {
		p.b.Delivered(item)
	}
	return held
}

// mustTakeOver checks that the second store hands out the rest, after the first one is gone. What became
// of the events that the first one held does not count any more.
func (p *pair) mustTakeOver(held []*queue.Item) {
	p.a.Helper()
	want := make(map[string]string) // the next event of each key
	for _, id := range firsts("2") {
		want[id[:1]] = id
	}
	for i, item := range held {
		want[item.Key] = item.ID
		switch i % 4 {
		case 0:
			p.a.Delivered(item)
		case 1:
			p.a.Retry(item, p.a.now().Add(time.Hour))
		case 2:
			p.a.Bury(item)
		default:
			p.a.Release(item)
		}
	}
	for len(want) > 0 {
		item := p.b.next()
		if item.ID != want[item.Key] || item.Attempts != 0 {
			p.a.Fatalf("took %+v, want %q", item, want[item.Key])
		}
		if delete(want, item.Key); item.ID[1:] == "1" {
			want[item.Key] = item.Key + "2"
		}
		p.b.Delivered(item)
	}
	p.b.settled()
	p.b.mustHold(0, 0, 0)
}
