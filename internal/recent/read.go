package recent

import "time"

// atOnce is how many callbacks are looked at without letting others use the ring.
const atOnce = 256

// Last returns the number of the newest callback, 0 if there was none yet.
func (r *Ring) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Oldest returns when the oldest callback arrived that is remembered, the zero time if there is none.
func (r *Ring) Oldest() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first > r.last {
		return time.Time{}
	}
	return time.Unix(0, r.slot(r.first).began)
}

// Before returns at most limit callbacks, newest first, whose number is below before, or the newest
// ones if before is 0. Callbacks that are added meanwhile are not among them.
func (r *Ring) Before(before uint64, f *Filter, limit int) (found []Entry) {
	for len(found) < limit {
		r.mu.Lock()
		if before == 0 || before > r.last {
			before = r.last + 1
		}
		for n := 0; n < atOnce && before > r.first && len(found) < limit; n++ {
			before--
			if s := r.slot(before); f.match(s) {
				found = append(found, s.entry())
			}
		}
		end := before <= r.first
		r.mu.Unlock()
		if end {
			break
		}
	}
	return found
}

// After looks at some of the callbacks that were added after the one with the number after, and
// returns those that are wanted, oldest first. upTo is the number of the last one that it has looked
// at, or after if there is none. lost is how many are not remembered any more.
func (r *Ring) After(after uint64, f *Filter) (found []Entry, upTo, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	upTo = min(after, r.last)
	if upTo+1 < r.first {
		lost = r.first - 1 - upTo
		upTo = r.first - 1
	}
	for n := 0; n < atOnce && upTo < r.last; n++ {
		upTo++
		if s := r.slot(upTo); f.match(s) {
			found = append(found, s.entry())
		}
	}
	return found, upTo, lost
}
