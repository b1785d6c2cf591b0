package admin

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// cursor is the place of a callback among all.
type cursor struct {
	run string // of the process that has answered it; "" for no callback
	seq uint64
}

func cursorAt(seq uint64) cursor { return cursor{recent.Run, seq} }

func (c cursor) String() string { return c.run + "-" + strconv.FormatUint(c.seq, 10) }

func parseCursor(text string) (cursor, error) {
	run, number, ok := strings.Cut(text, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || len(run) != len(recent.Run) || !callback.IsPartOfID(run) {
		return cursor{}, fmt.Errorf("%q is not the cursor of a callback", text)
	}
	return cursor{run, seq}, nil
}

// recentQuery is the query of a request for the last callbacks.
type recentQuery struct {
	filter recent.Filter
	limit  int
	after  cursor
}

// parseRecentQuery reads the parameters. A parameter that is empty counts as absent.
func parseRecentQuery(rawQuery string, now time.Time) (recentQuery, error) {
	q := recentQuery{limit: adminapi.DefaultPage}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return q, errors.New("the query is not well-formed")
	}
	for name, all := range values {
		parse := parameters[name]
		switch {
		case parse == nil:
			return q, fmt.Errorf("there is no parameter %q", name)
		case len(all) > 1:
			return q, fmt.Errorf("%s is set more than once", name)
		case all[0] == "":
			continue
		}
		if err := parse(&q, all[0], now); err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	return q, nil
}

var parameters = map[string]func(q *recentQuery, value string, now time.Time) error{
	"result": func(q *recentQuery, value string, _ time.Time) error {
		for name := range strings.SplitSeq(value, ",") {
			if !slices.Contains(recent.ResultNames(), name) {
				return fmt.Errorf("%q is not one of %s", name, strings.Join(recent.ResultNames(), ", "))
			}
			q.filter.Results = append(q.filter.Results, recent.Result(name))
		}
		return nil
	},
	"command": func(q *recentQuery, value string, _ time.Time) error {
		q.filter.Command = callback.Pattern(value)
		return q.filter.Command.Check()
	},
	"subject": func(q *recentQuery, value string, _ time.Time) error {
		q.filter.Subject = value
		return nil
	},
	"id": func(q *recentQuery, value string, _ time.Time) error {
		if len(value) > 32 || !callback.IsPartOfID(value) {
			return fmt.Errorf("%q is neither the ID of an event nor the beginning of one", value)
		}
		q.filter.ID = value
		return nil
	},
	"since": func(q *recentQuery, value string, now time.Time) (err error) {
		q.filter.Since, err = adminapi.ParseTime(value, now)
		return err
	},
	"until": func(q *recentQuery, value string, now time.Time) (err error) {
		q.filter.Until, err = adminapi.ParseTime(value, now)
		return err
	},
	"limit": func(q *recentQuery, value string, _ time.Time) (err error) {
		if q.limit, err = strconv.Atoi(value); err != nil || q.limit < 1 || q.limit > adminapi.MaxPage {
			return fmt.Errorf("%q is not a number from 1 to %d", value, adminapi.MaxPage)
		}
		return nil
	},
	"after": func(q *recentQuery, value string, _ time.Time) (err error) {
		q.after, err = parseCursor(value)
		return err
	},
}
