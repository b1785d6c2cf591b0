package inspector

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// filter says which callbacks are wanted. Zero values are no condition.
type filter struct {
	Results      []string
	Command      string // a pattern
	Subject      string
	ID           string // or its beginning
	Since, Until time.Time
}

// Words for several results.
const (
	resultRefused = "refused"
	resultFailed  = "failed"
)

var failedResults = []string{"upstream_error", "upstream_timeout", "queue_error"}

// results are what a filter of results may be, in the order in which the page offers them.
func results() (all []string) {
	all = append(all, "ok", "passed", resultFailed)
	all = append(all, failedResults...)
	return append(append(all, resultRefused), reasons()...)
}

func reasons() (all []string) {
	for _, r := range callback.Reasons() {
		all = append(all, string(r))
	}
	return all
}

// The names of query parameters.
const (
	paramLang    = "lang"
	paramResult  = "result"
	paramCommand = "command"
	paramSubject = "subject"
	paramID      = "id"
	paramSince   = "since"
	paramUntil   = "until"
	paramBefore  = "before"
	paramQueue   = "queue"
	paramState   = "state"
	paramAfter   = "after"
	paramSearch  = "q"
	paramSeq     = "n"
)

// maxParam is the size of the longest parameter in bytes.
const maxParam = 512

// query is the parameters of a request.
type query struct {
	Values url.Values
	Errs   map[string]string // keys of texts that say what is wrong with a parameter

	filter
	Before, Seq            uint64
	Queue, State, After, Q string
}

func (q *query) get(name string) string {
	value := q.Values.Get(name)
	if len(value) > maxParam {
		q.wrong(name, "err_long")
		return ""
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

func (q *query) wrong(name, key string) { q.Errs[name] = key }

// parseQuery reads the parameters. What is not valid is no condition, and in Errs.
func parseQuery(rawQuery string, now time.Time) *query {
	values, err := url.ParseQuery(rawQuery)
	q := &query{Values: values, Errs: make(map[string]string)}
	if err != nil {
		q.wrong("", "err_query")
	}
	if result := q.get(paramResult); result != "" {
		q.Results = q.parseResult(result)
	}
	if q.Command = strings.TrimSpace(q.get(paramCommand)); q.Command != "" && callback.Pattern(q.Command).Check() != nil {
		q.wrong(paramCommand, "err_command")
		q.Command = ""
	}
	q.Subject = q.get(paramSubject)
	q.ID = strings.TrimSpace(q.get(paramID))
	q.Since, q.Until = q.time(paramSince, now), q.time(paramUntil, now)
	q.Before, q.Seq = q.number(paramBefore), q.number(paramSeq)
	q.Queue, q.After, q.Q = q.get(paramQueue), q.get(paramAfter), strings.TrimSpace(q.get(paramSearch))
	if q.State = q.get(paramState); q.State != "" && !slices.Contains(queueStates, q.State) {
		q.wrong(paramState, "err_state")
		q.State = ""
	}
	return q
}

func (q *query) parseResult(result string) []string {
	switch {
	case result == resultFailed:
		return failedResults
	case result == resultRefused:
		return reasons()
	case slices.Contains(results(), result):
		return []string{result}
	}
	q.wrong(paramResult, "err_result")
	return nil
}

func (q *query) number(name string) uint64 {
	text := q.get(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		q.wrong(name, "err_number")
	}
	return n
}

func (q *query) time(name string, now time.Time) time.Time {
	text := strings.TrimSpace(q.get(name))
	if text == "" {
		return time.Time{}
	}
	at, err := parseTime(text, now)
	if err != nil {
		q.wrong(name, "err_time")
	}
	return at
}

// parseTime reads a time, in UTC if it does not say where, or a duration that says how long ago it was.
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, errors.New("neither a time nor a duration")
	}
	return now.Add(-ago), nil
}

// link returns a relative link to a page of the inspector, which lies beside all others. pairs are
// names and values of parameters; empty values are left out. The language stays.
func (q *query) link(page string, pairs ...any) string {
	values := make(url.Values)
	for n := 0; n+1 < len(pairs); n += 2 {
		if value := fmt.Sprint(pairs[n+1]); value != "" {
			values.Set(fmt.Sprint(pairs[n]), value)
		} else {
			values.Del(fmt.Sprint(pairs[n]))
		}
	}
	if lang := q.Values.Get(paramLang); lang == "en" || lang == "zh" {
		if _, set := values[paramLang]; !set {
			values.Set(paramLang, lang)
		}
	}
	link := "./" + page
	if len(values) > 0 {
		link += "?" + values.Encode()
	}
	return link
}

// conditions are the parameters that stay from page to page of a list.
var conditions = []string{paramResult, paramCommand, paramSubject, paramID, paramSince, paramUntil, paramQueue, paramState, paramSearch, paramSeq}

// with returns a link to a page with the conditions of this request, but for those in pairs.
func (q *query) with(page string, pairs ...any) string {
	var all []any
	for _, name := range conditions {
		all = append(all, name, q.get(name))
	}
	return q.link(page, append(all, pairs...)...)
}
