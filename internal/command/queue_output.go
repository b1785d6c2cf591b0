package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

func deadRows(letters []adminapi.DeadLetter) (rows [][]string) {
	for _, l := range letters {
		rows = append(rows, []string{l.ID, l.Subject, shortType(l.Type), strconv.Itoa(l.Attempts), age(l.LastAttempt), l.LastError})
	}
	return rows
}

// shortType is the CloudEvents type as tables show it: com.tencent.im.Profile.CallbackPortraitSet is
// PortraitSet.
func shortType(kind string) string {
	if i := strings.LastIndex(kind, ".Callback"); i >= 0 {
		return kind[i+len(".Callback"):]
	}
	return kind
}

func deadLetters(n int) string { return counted(n, "dead letter") }

// counted returns a number with the kind of things that were counted.
func counted(n int, kind string) string {
	if n == 1 {
		return "1 " + kind
	}
	return fmt.Sprintf("%d %ss", n, kind)
}

// age returns how long ago a time was, see [span].
func age(at time.Time) string { return span(max(time.Since(at), 0)) }

// span returns a duration in a single unit: "90s", "3h".
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// writeCleanJSON writes v as one line of JSON that is safe to show in a terminal.
func writeCleanJSON(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", console.VisibleJSON(text))
	}
	return err
}

// printPages prints what a request lists, as JSON if that is asked for, else with show. If there is nothing
// it says so, except in JSON.
func printPages[T any](q *queueCall, pages iter.Seq2[[]T, error], nothing string, show func([]T) error) error {
	array := jsonArray[T]{out: q.out}
	asJSON, found := q.flags.Bool("json"), false
	for page, err := range pages {
		switch {
		case err != nil:
			return err
		case asJSON:
			err = array.add(page)
		default:
			err = show(page)
		}
		if err != nil {
			return err
		}
		found = true
	}
	switch {
	case asJSON:
		return array.end()
	case !found:
		fmt.Fprintln(q.err, nothing)
	}
	return nil
}

// jsonArray writes a JSON array page by page, with each element on its own line.
type jsonArray[T any] struct {
	out   io.Writer
	begun bool
}

func (a *jsonArray[T]) add(page []T) error {
	var text bytes.Buffer
	for _, one := range page {
		element, err := json.Marshal(one)
		if err != nil {
			return err
		}
		text.WriteString(a.separator())
		text.Write(console.VisibleJSON(element))
	}
	_, err := a.out.Write(text.Bytes())
	return err
}

func (a *jsonArray[T]) separator() string {
	if a.begun {
		return ",\n"
	}
	a.begun = true
	return "[\n"
}

func (a *jsonArray[T]) end() error {
	text := "\n]\n"
	if !a.begun {
		text = "[]\n"
	}
	_, err := io.WriteString(a.out, text)
	return err
}
