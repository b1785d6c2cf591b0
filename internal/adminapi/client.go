package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// Client sends requests to the admin endpoint of a running Caddy.
type Client struct {
	// Address is the address of the admin endpoint, in the form that Caddy's own
	// commands accept.
	Address string
}

// Queues returns the state of all queues.
func (c Client) Queues() (queues []Queue, err error) {
	return queues, c.ask(http.MethodGet, Base, nil, &queues)
}

// Dead yields the dead letters of a queue page by page, in the order in which they died.
// It begins after the dead letter with the cursor after, or with the first one if after is
// "". It ends after limit dead letters, unless limit is 0, and after an error.
func (c Client) Dead(queue, after string, limit int) iter.Seq2[[]DeadLetter, error] {
	return func(yield func([]DeadLetter, error) bool) {
		for left := limit; limit == 0 || left > 0; {
			size := DefaultPage
			if limit != 0 {
				size = min(size, left)
			}
			query := url.Values{"limit": {strconv.Itoa(size)}, "after": {after}}
			var page []DeadLetter
			if err := c.ask(http.MethodGet, deadPath(queue)+"?"+query.Encode(), nil, &page); err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) || len(page) < size {
				return
			}
			left -= len(page)
			after = page[len(page)-1].Cursor
		}
	}
}

// Change replays or drops dead letters of a queue and returns their number.
func (c Client) Change(change Change, queue string, which Selection) (int, error) {
	var answer map[string]int
	if err := c.ask(http.MethodPost, deadPath(queue)+"/"+change.Path, which, &answer); err != nil {
		return 0, err
	}
	n, ok := answer[change.Done]
	if !ok {
		return 0, fmt.Errorf("the answer of the Caddy at %s does not say how many dead letters were %s", c.Address, change.Done)
	}
	return n, nil
}

func deadPath(queue string) string { return Base + "/" + url.PathEscape(queue) + "/dead" }

func (c Client) ask(method, uri string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	resp, err := c.request(method, uri, nil, bytes.NewReader(text), "queues")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return c.notOurs(err)
	}
	return nil
}

// request sends a request. of says what is asked for.
func (c Client) request(method, uri string, header http.Header, body io.Reader, of string) (*http.Response, error) {
	all := http.Header{"Connection": {"close"}} // each request opens its own connection, which must not stay open
	maps.Copy(all, header)
	resp, err := caddycmd.AdminAPIRequest(c.Address, method, uri, all, body)
	if err != nil {
		return nil, c.explain(err, of)
	}
	return resp, nil
}

// Error is an error that the admin API has responded with.
type Error struct {
	Status string // the HTTP status, three digits
	Text   string
}

func (e *Error) Error() string { return e.Text }

// IsNotFound reports whether the admin API does not have what was asked for.
func IsNotFound(err error) bool {
	answered, ok := errors.AsType[*Error](err)
	return ok && answered.Status == strconv.Itoa(http.StatusNotFound)
}

func (c Client) notOurs(err error) error {
	return fmt.Errorf("the answer from %s is not an answer of Caddy's admin endpoint with this module: %w", c.Address, err)
}

// explain turns an error of AdminAPIRequest into the error that the API responded with,
// which is only in the text of err. of says what was asked for.
func (c Client) explain(err error, of string) error {
	status, ok := strings.CutPrefix(err.Error(), "caddy responded with error: HTTP ")
	if !ok {
		return fmt.Errorf("no answer from Caddy's admin endpoint at %s (is Caddy running there? set its address with --address or --config): %w", c.Address, err)
	}
	status, body, _ := strings.Cut(status, ": ")
	var answer struct{ Error string }
	if json.Unmarshal([]byte(body), &answer) == nil && answer.Error != "" {
		return &Error{status, answer.Error}
	}
	if status == strconv.Itoa(http.StatusNotFound) {
		return fmt.Errorf("the Caddy at %s has no admin API for %s: was it built with this module?", c.Address, of)
	}
	return fmt.Errorf("the Caddy at %s answered %s: %s", c.Address, status, strings.TrimSpace(body))
}
