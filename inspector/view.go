package inspector

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"visible": visible,
	"pretty":  pretty,
	"row":     func(v *view, c callbackInfo) callbackRow { return callbackRow{v, c} },
	"line":    func(v *view, e eventInfo) eventRow { return eventRow{v, e} },
	"command": func(v *view, text string) commandBox { return commandBox{v, text} },
	"badge":   func(v *view, of string) badge { return badge{v.T("word_" + of), shadeOf(of)} },
	"results": results,
	"states":  func() []string { return queueStates },
}).ParseFS(embedded, "templates/*.html"))

// view is what a page is rendered from.
type view struct {
	*query
	Lang     lang
	Page     string
	Now      time.Time
	Payloads bool
	Redirect string // where to go in place of the page

	Remembers bool
	Callbacks []callbackInfo
	More      string // link to what is older
	Live      string // link to the stream of new callbacks
	Queues    []queueInfo
	Events    []eventInfo
	Problems  []string // of queues that cannot be read now
	Advice    string
	Command   string // to copy
	Chart     *chart
}

func (i *Inspector) newView(r *http.Request, page string) *view {
	now := i.now()
	q := parseQuery(r.URL.RawQuery, now)
	return &view{query: q, Lang: languageOf(r, q), Page: page, Now: now, Payloads: i.Payloads, Remembers: i.source.Remembers()}
}

// V returns the view, for templates of a part of it.
func (v *view) V() *view { return v }

// T returns a text of the page.
func (v *view) T(key string, args ...any) string { return v.Lang.T(key, args...) }

// Link returns a link to a page, see [query.link].
func (v *view) Link(page string, pairs ...any) string { return v.link(page, pairs...) }

// With returns a link to a page with the conditions of this one, see [query.with].
func (v *view) With(page string, pairs ...any) string { return v.with(page, pairs...) }

// OtherLang returns a link to this page in the other language.
func (v *view) OtherLang() string {
	return v.with(v.Page, paramBefore, v.get(paramBefore), paramAfter, v.get(paramAfter), paramLang, v.Lang.Other()[0])
}

// Asset returns the name under which a file is served.
func (v *view) Asset(name string) string { return "./" + assetNames[name] }

// Value returns a parameter as it was sent.
func (v *view) Value(name string) string { return v.get(name) }

// Err says what is wrong with a parameter; "" if nothing is.
func (v *view) Err(name string) string {
	if key := v.Errs[name]; key != "" {
		return v.T(key)
	}
	return ""
}

// At returns a time in UTC. The script shows it in the time zone of the browser.
func (v *view) At(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	layout := "15:04:05"
	if now := v.Now.UTC(); t.Year() != now.Year() || t.YearDay() != now.YearDay() {
		layout = "2006-01-02 15:04"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05.000 UTC"), t.Format(layout)))
}

// Age says how long ago a time was, or how long it is until then.
func (v *view) Age(t time.Time) string { return v.Span(v.Now.Sub(t).Abs()) }

// Past reports whether a time is over.
func (v *view) Past(t time.Time) bool { return !t.After(v.Now) }

// Span returns a duration in one or two units.
func (v *view) Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return v.T("span_ms", d.Milliseconds())
	case d < time.Minute:
		return v.T("span_s", int(d.Seconds()))
	case d < time.Hour:
		return v.T("span_m", int(d.Minutes()))
	case d < 48*time.Hour:
		return v.T("span_h", int(d.Hours()), int(d.Minutes())%60)
	}
	return v.T("span_d", int(d.Hours()/24))
}

// Precise returns a short duration in milliseconds with a fraction.
func (v *view) Precise(d time.Duration) string {
	if d >= 10*time.Second {
		return v.Span(d)
	}
	return v.T("precise", float64(d.Microseconds())/1000)
}

// Number returns a number with separators.
func (v *view) Number(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Size returns a number of bytes in a unit.
func (v *view) Size(n int64) string {
	size, unit := float64(n), 0
	for ; size >= 1024 && unit < 4; unit++ {
		size /= 1024
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + " " + [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}

// callbackRow is a callback on a page.
type callbackRow struct {
	*view
	C callbackInfo
}

// Story is a link to the story of the callback.
func (r callbackRow) Story() string {
	if r.C.ID != "" {
		return r.Link(pageEvent, paramID, r.C.ID)
	}
	return r.Link(pageCallback, paramSeq, r.C.Seq)
}

// Took is how long the answer took.
func (r callbackRow) Took() string { return r.Precise(r.C.Took) }

// Word is a key of the text that says how the callback was answered.
func (r callbackRow) Word() string { return wordOf(r.C.Result) }

// eventRow is an event of a queue on a page.
type eventRow struct {
	*view
	E eventInfo
}

// commandBox is a command that can be copied.
type commandBox struct {
	*view
	Text string
}

// badge is a word in a colour.
type badge struct{ Word, Shade string }

// wordOf sums up a result: ok, passed, failed or refused.
func wordOf(result string) string {
	switch result {
	case "ok", "passed":
		return result
	case "upstream_error", "upstream_timeout", "queue_error":
		return resultFailed
	}
	return resultRefused
}

// shadeOf returns the colour of a word.
func shadeOf(word string) string {
	switch word {
	case "ok", "delivered", "up":
		return "good"
	case "refused", "failed", "dead", "down":
		return "bad"
	case "retried", "undecided", "spooled":
		return "warn"
	case "in_flight":
		return "busy"
	}
	return "calm"
}
