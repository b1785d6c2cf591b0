package inspector

import (
	"time"
)

// The chart has a bar for each piece of the last time.
const (
	bars       = 30
	barWidth   = 16
	barGap     = 4
	chartWidth = bars * barWidth
	chartTall  = 96
	maxCharted = 20_000 // callbacks that are counted
)

// pieces are how much time a bar may stand for.
var pieces = []time.Duration{time.Second, 2 * time.Second, 10 * time.Second, time.Minute}

// chart is how many callbacks came, bar by bar.
type chart struct {
	*view
	Piece  time.Duration
	Bars   []bar
	Most   int // callbacks in the highest bar
	Total  int
	Failed int       // of Total
	Since  time.Time // when the first bar begins
}

// bar is how many callbacks came in a piece of time. Its parts are heights in the picture.
type bar struct {
	At                  time.Time
	OK, Failed          int
	X                   int
	OKTall, OKY         int
	FailedTall, FailedY int
}

// newChart counts the callbacks of the last half hour, or of a shorter time if no more are remembered.
func newChart(v *view, from source) *chart {
	all := from.Callbacks(&filter{Since: v.Now.Add(-bars * pieces[len(pieces)-1])}, 0, maxCharted)
	c := &chart{view: v, Piece: pieces[len(pieces)-1]}
	if n := len(all); n > 0 && (n == maxCharted || len(from.Callbacks(new(filter), all[n-1].Seq, 1)) == 0 && all[n-1].Seq > 1) {
		// what came before is not remembered
		for _, piece := range pieces {
			if c.Piece = piece; v.Now.Sub(all[n-1].Time) <= bars*piece {
				break
			}
		}
	}
	c.Since = v.Now.Truncate(c.Piece).Add(-(bars - 1) * c.Piece)
	c.Bars = make([]bar, bars)
	for n := range c.Bars {
		c.Bars[n].At, c.Bars[n].X = c.Since.Add(time.Duration(n)*c.Piece), n*barWidth
	}
	for _, one := range all {
		c.count(&one)
	}
	c.draw()
	return c
}

func (c *chart) count(one *callbackInfo) {
	n := int(one.Time.Sub(c.Since) / c.Piece)
	if one.Time.Before(c.Since) || n >= bars {
		return
	}
	c.Total++
	if word := wordOf(one.Result); word == resultRefused || word == resultFailed {
		c.Failed++
		c.Bars[n].Failed++
	} else {
		c.Bars[n].OK++
	}
	c.Most = max(c.Most, c.Bars[n].OK+c.Bars[n].Failed)
}

// draw computes the heights. What there is at all can be seen.
func (c *chart) draw() {
	tall := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(2, n*(chartTall-4)/c.Most)
	}
	for n := range c.Bars {
		b := &c.Bars[n]
		b.OKTall, b.FailedTall = tall(b.OK), tall(b.Failed)
		b.OKY = chartTall - b.OKTall
		b.FailedY = b.OKY - b.FailedTall
	}
}

// Wide and Tall are the size of the picture, and Bar is the width of a bar.
func (c *chart) Wide() int { return chartWidth - barGap }
func (c *chart) Tall() int { return chartTall }
func (c *chart) Bar() int  { return barWidth - barGap }

// Whole is the time that all bars stand for.
func (c *chart) Whole() time.Duration { return bars * c.Piece }
