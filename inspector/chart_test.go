package inspector

import (
	"testing"
	"time"
)

func TestChart(t *testing.T) {
	at := func(ago time.Duration, result string) callbackInfo {
		return callbackInfo{Time: now.Add(-ago), Result: result}
	}
	for _, tc := range []struct {
		name          string
		callbacks     []callbackInfo // oldest first
		forgotten     bool           // whether there were callbacks before
		piece         time.Duration
		total, failed int
	}{
		{"none", nil, false, time.Minute, 0, 0},
		{"some", []callbackInfo{at(time.Hour, "ok"), at(20*time.Minute, "ok"), at(time.Second, "bad_sign"), at(0, "upstream_error"), at(0, "passed")}, false, time.Minute, 4, 2},
		{"all that are remembered are recent", []callbackInfo{at(20*time.Second, "ok"), at(0, "ok")}, true, time.Second, 2, 0},
		{"a few minutes", []callbackInfo{at(4*time.Minute, "ok"), at(0, "ok")}, true, 10 * time.Second, 2, 0},
		{"in the future", []callbackInfo{at(-time.Hour, "ok")}, false, time.Minute, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := new(fake)
			for _, c := range tc.callbacks {
				f.add(c)
			}
			if tc.forgotten {
				for n := range f.callbacks {
					f.callbacks[n].Seq += 1000
				}
			}
			c := newChart(&view{Now: now}, f)
			if c.Piece != tc.piece || c.Total != tc.total || c.Failed != tc.failed || len(c.Bars) != bars {
				t.Errorf("%+v", c)
			}
			for _, b := range c.Bars {
				if b.FailedY < 0 || b.OKY+b.OKTall != chartTall || b.FailedY+b.FailedTall != b.OKY || (b.OKTall > 0) != (b.OK > 0) || (b.FailedTall > 0) != (b.Failed > 0) {
					t.Errorf("%+v", b)
				}
			}
		})
	}
}
