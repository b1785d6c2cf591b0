package recent

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

var began = time.Unix(1_700_000_000, 5)

// answered is the nth callback of a test.
func answered(n int) *Callback {
	return &Callback{
		Began: began.Add(time.Duration(n) * time.Second), Took: time.Millisecond, App: "1400000000", Command: "Profile.CallbackPortraitSet",
		Subject: fmt.Sprint("id", n%3), ID: fmt.Appendf(nil, "%032x", n), ClientIP: "127.0.0.1", Result: OK, Status: 200, Queue: "default", Stored: true,
	}
}

func seqs(entries []Entry) (numbers []uint64) {
	for _, e := range entries {
		numbers = append(numbers, e.Seq)
	}
	return numbers
}

func TestRing(t *testing.T) {
	r := NewRing(4)
	if got := r.Before(0, &Filter{}, 10); got != nil {
		t.Errorf("a new ring has %v", got)
	}
	for n := range 6 {
		r.Add(answered(n))
	}
	for _, tc := range []struct {
		before uint64
		limit  int
		want   []uint64
	}{
		{0, 10, []uint64{6, 5, 4, 3}}, {0, 3, []uint64{6, 5, 4}}, {4, 10, []uint64{3}}, {3, 10, nil}, {1, 10, nil}, {100, 1, []uint64{6}},
	} {
		if got := seqs(r.Before(tc.before, &Filter{}, tc.limit)); !slices.Equal(got, tc.want) {
			t.Errorf("%d before %d: %v, want %v", tc.limit, tc.before, got, tc.want)
		}
	}
	for _, tc := range []struct {
		after uint64
		want  []uint64
		lost  uint64
	}{
		{0, []uint64{3, 4, 5, 6}, 2}, {1, []uint64{3, 4, 5, 6}, 1}, {2, []uint64{3, 4, 5, 6}, 0}, {5, []uint64{6}, 0}, {6, nil, 0}, {100, nil, 0},
	} {
		got, upTo, lost := r.After(tc.after, &Filter{})
		if !slices.Equal(seqs(got), tc.want) || upTo != 6 || lost != tc.lost {
			t.Errorf("after %d: %v up to %d, lost %d; want %v, %d", tc.after, seqs(got), upTo, lost, tc.want, tc.lost)
		}
	}
	e := r.Before(0, &Filter{}, 1)[0]
	if e.EventID != fmt.Sprintf("%032x", 5) || e.Subject != "id2" || e.App != "1400000000" || e.ClientIP != "127.0.0.1" || e.Command != "Profile.CallbackPortraitSet" ||
		!e.Began.Equal(began.Add(5*time.Second)) || e.Took != time.Millisecond || e.Status != 200 || e.Queue != "default" || !e.Stored || e.Delivery == nil || e.Delivery.State != Waiting {
		t.Errorf("%+v", e)
	}
}

func TestResize(t *testing.T) {
	r := NewRing(0)
	r.Add(answered(0))
	if r.On() || r.Last() != 0 {
		t.Error("it remembers")
	}
	for _, tc := range []struct {
		size, add int
		want      []uint64
	}{
		{3, 2, []uint64{2, 1}}, {5, 2, []uint64{4, 3, 2, 1}}, {2, 0, []uint64{4, 3}}, {2, 1, []uint64{5, 4}}, {7, 1, []uint64{6, 5, 4}}, {0, 1, nil}, {2, 1, []uint64{7}},
	} {
		r.Resize(tc.size)
		for range tc.add {
			r.Add(answered(int(r.Last()) + 1))
		}
		got := r.Before(0, &Filter{}, 100)
		if !slices.Equal(seqs(got), tc.want) {
			t.Errorf("with size %d: %v, want %v", tc.size, seqs(got), tc.want)
		}
		for _, e := range got {
			if s := r.newest([]byte(e.EventID), r.hash([]byte(e.EventID))); s == nil || s.seq != e.Seq {
				t.Errorf("with size %d: %d is not in the index", tc.size, e.Seq)
			}
		}
	}
}

// TestTexts has texts that strangers choose.
func TestTexts(t *testing.T) {
	r := NewRing(2)
	for _, text := range []string{"", "x", strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("张", 1000), strings.Repeat("\x80", 1000), "a\x80\xffb", "\u202ex\n\x1b[31m"} {
		c := answered(1)
		c.App, c.Command, c.Subject, c.ClientIP, c.Detail = text, text, text, text, text
		r.Add(c)
		e := r.Before(0, &Filter{}, 1)[0]
		for _, got := range []string{e.Command, e.Subject, e.Detail} {
			if n := strings.TrimSuffix(got, ellipsis); !utf8.ValidString(got) || len(text) <= MaxText && got != strings.ToValidUTF8(text, "\ufffd") ||
				len(text) > MaxText && (n == got || utf8.ValidString(text) && (len(got) > MaxText || len(got) < MaxText-utf8.UTFMax || !strings.HasPrefix(text, n))) {
				t.Errorf("of %q: %q", text, got)
			}
		}
		if len(text) > ipSize && (len(e.App) > 2*appSize || len(e.ClientIP) > 2*ipSize) {
			t.Errorf("of %q: %q, %q", text, e.App, e.ClientIP)
		}
		if got := r.Before(0, &Filter{Subject: text}, 1); len(got) != 1 || got[0].Seq != e.Seq {
			t.Errorf("%q is not found by its subject: %v", text, got)
		}
		if len(e.EventID) != idSize {
			t.Errorf("of %q: ID %q", text, e.EventID)
		}
	}
}

func TestFilter(t *testing.T) {
	r := NewRing(10)
	for n := range 5 {
		r.Add(answered(n))
	}
	c := answered(5)
	c.Result, c.Command, c.ID, c.Queue, c.Stored = "bad_sign", "Group.CallbackAfterSendMsg", nil, "", false
	r.Add(c)
	at := func(n int) time.Time { return answered(n).Began }
	for _, tc := range []struct {
		filter Filter
		want   []uint64
	}{
		{Filter{}, []uint64{6, 5, 4, 3, 2, 1}},
		{Filter{Results: []Result{OK}}, []uint64{5, 4, 3, 2, 1}},
		{Filter{Results: []Result{"stale", "bad_sign"}}, []uint64{6}},
		{Filter{Command: "Group.*"}, []uint64{6}},
		{Filter{Command: "Profile.CallbackPortraitSet"}, []uint64{5, 4, 3, 2, 1}},
		{Filter{Subject: "id1"}, []uint64{5, 2}},
		{Filter{Subject: "id"}, nil},
		{Filter{ID: fmt.Sprintf("%032x", 3)}, []uint64{4}},
		{Filter{ID: "0000"}, []uint64{5, 4, 3, 2, 1}},
		{Filter{ID: "1"}, nil},
		{Filter{Since: at(3)}, []uint64{6, 5, 4}},
		{Filter{Until: at(1)}, []uint64{2, 1}},
		{Filter{Since: at(1), Until: at(2), Subject: "id2"}, []uint64{3}},
	} {
		if got := seqs(r.Before(0, &tc.filter, 10)); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: %v, want %v", tc.filter, got, tc.want)
		}
	}
}

// TestPages reads a ring page by page while callbacks are added.
func TestPages(t *testing.T) {
	r := NewRing(2000)
	for n := range 1500 {
		r.Add(answered(n))
	}
	want := uint64(1500)
	for before := uint64(0); ; {
		page := r.Before(before, &Filter{}, 70)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.Seq != want {
				t.Fatalf("%d, want %d", e.Seq, want)
			}
			want--
		}
		before = page[len(page)-1].Seq
		r.Add(answered(int(r.Last())))
	}
	if want != 0 {
		t.Errorf("it ended before %d", want)
	}
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	r := NewRing(300)
	news, stop := r.Watch()
	defer stop()
	var adding, others sync.WaitGroup
	for n := range 4 {
		adding.Go(func() {
			for i := range 2000 {
				c := answered(4*i + n)
				r.Add(c)
				r.Attempted(Attempt{Queue: "default", EventID: string(c.ID), Delivery: Delivery{State: Delivered, Attempts: 1, Last: c.Began}})
			}
		})
	}
	done := make(chan struct{})
	others.Go(func() {
		for size := 1; ; size++ {
			select {
			case <-done:
				return
			default:
				r.Resize(size % 400)
				r.Before(0, &Filter{Subject: "id1"}, 50)
			}
		}
	})
	var last uint64
	others.Go(func() {
		for {
			found, upTo, lost := r.After(last, &Filter{})
			if uint64(len(found))+lost != upTo-last {
				t.Errorf("after %d: %d found and %d lost up to %d", last, len(found), lost, upTo)
				return
			}
			last = upTo
			if len(found) > 0 {
				continue
			}
			select {
			case <-news:
			case <-done:
				return
			}
		}
	})
	adding.Wait()
	close(done)
	others.Wait()
}
