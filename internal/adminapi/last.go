package adminapi

import (
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Recent yields the last callbacks page by page, newest first. query has the filters. It ends after an error.
func (c Client) Recent(query url.Values) iter.Seq2[[]Callback, error] {
	return func(yield func([]Callback, error) bool) {
		for after := ""; ; {
			page, _, err := c.RecentPage(query, after)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) || len(page) < MaxPage {
				return
			}
			after = page[len(page)-1].Cursor
		}
	}
}

// RecentPage returns at most [MaxPage] callbacks, newest first, that came before the one with the cursor
// after, or the newest ones if after is "". oldest is when the oldest callback arrived that is remembered,
// the zero time if there is none.
func (c Client) RecentPage(query url.Values, after string) (page []Callback, oldest time.Time, err error) {
	resp, err := c.get(Recent, query, url.Values{"limit": {strconv.Itoa(MaxPage)}, "after": {after}}, nil)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return nil, time.Time{}, c.notOurs(err)
	}
	if text := resp.Header.Get(HeaderOldest); text != "" {
		if oldest, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, time.Time{}, c.notOurs(err)
		}
	}
	return page, oldest, nil
}

// get asks for a path with the parameters of both queries that are not empty.
func (c Client) get(path string, query, more url.Values, header http.Header) (*http.Response, error) {
	all := make(url.Values)
	for _, values := range []url.Values{query, more} {
		for name := range values {
			if value := values.Get(name); value != "" {
				all.Set(name, value)
			}
		}
	}
	if len(all) > 0 {
		path += "?" + all.Encode()
	}
	return c.request(http.MethodGet, path, header, nil, "the last callbacks")
}
