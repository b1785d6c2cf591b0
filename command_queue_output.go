package timcallback

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

func queueRows(queues []adminapi.Queue) (rows [][]string) {
	for _, q := range queues {
		oldest := ""
		if q.Oldest != nil {
			oldest = age(*q.Oldest)
		}
		rows = append(rows, []string{
			q.Name, q.Store, strconv.Itoa(q.Waiting), strconv.Itoa(q.InFlight), strconv.Itoa(q.Dead), oldest,
		})
	}
	return rows
}

func deadRows(letters []adminapi.DeadLetter) (rows [][]string) {
	for _, l := range letters {
		// com.tencent.im.Profile.CallbackPortraitSet is PortraitSet
		kind := l.Type
		if i := strings.LastIndex(kind, ".Callback"); i >= 0 {
			kind = kind[i+len(".Callback"):]
		}
		rows = append(rows, []string{l.ID, l.Subject, kind, strconv.Itoa(l.Attempts), age(l.LastAttempt), l.LastError})
	}
	return rows
}

func deadLetters(n int) string {
	if n == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", n)
}

// age is how long ago something was, in one number.
func age(at time.Time) string {
	d := max(time.Since(at), 0)
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

// writeCleanJSON writes a line of JSON.
func writeCleanJSON(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", console.VisibleJSON(text))
	}
	return err
}

// deadArray writes a JSON array of dead letters as they come, each on a line.
type deadArray struct {
	out   io.Writer
	begun bool
}

func (a *deadArray) add(letters []adminapi.DeadLetter) error {
	var text bytes.Buffer
	for _, l := range letters {
		element, err := json.Marshal(l)
		if err != nil {
			return err
		}
		text.WriteString(a.separator())
		text.Write(console.VisibleJSON(element))
	}
	_, err := a.out.Write(text.Bytes())
	return err
}

func (a *deadArray) separator() string {
	if a.begun {
		return ",\n"
	}
	a.begun = true
	return "[\n"
}

func (a *deadArray) end() error {
	text := "\n]\n"
	if !a.begun {
		text = "[]\n"
	}
	_, err := io.WriteString(a.out, text)
	return err
}
