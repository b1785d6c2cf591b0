// Package listing helps stores to list their events page by page, see [queue.Store.Events].
package listing

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Section is a part of the list. The parts come one after the other. An event that goes on to another
// state goes to a later part, so somebody who reads the list does not miss it.
type Section int

// These are all sections.
const (
	Spooled   Section = iota // events on a node's own disk
	Live                     // events that wait or are in flight, by their sequence numbers
	Dead                     // dead letters, by the numbers of their deaths
	Delivered                // delivered events, in the order in which their deliveries ended
	End                      // there is nothing any more
)

const letters = "swde"

// Place is a place in the list. Places of a section are sorted by N, and those with the same N by M.
type Place struct {
	Section Section
	N, M    uint64
}

// String returns the place as a cursor.
func (p Place) String() string {
	text := letters[p.Section:p.Section+1] + strconv.FormatUint(p.N, 10)
	if p.M != 0 {
		text += "." + strconv.FormatUint(p.M, 10)
	}
	return text
}

// Compare compares places as they come in the list.
func (p Place) Compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Section, o.Section), cmp.Compare(p.N, o.N), cmp.Compare(p.M, o.M))
}

// Parse parses a cursor. If it is "" the place is before all others.
func Parse(cursor string) (p Place, err error) {
	if cursor == "" {
		return p, nil
	}
	section := strings.IndexByte(letters, cursor[0])
	n, m, two := strings.Cut(cursor[1:], ".")
	if p.N, err = strconv.ParseUint(n, 10, 63); err == nil && two {
		p.M, err = strconv.ParseUint(m, 10, 63)
	}
	if p.Section = Section(section); section < 0 || err != nil || p.String() != cursor {
		return Place{}, fmt.Errorf("%w: %q", queue.ErrCursor, cursor)
	}
	return p, nil
}

// ParseAll parses cursors, none of which may be "".
func ParseAll(cursors []string) ([]Place, error) {
	places := make([]Place, len(cursors))
	for i, cursor := range cursors {
		var err error
		if places[i], err = Parse(cursor); err == nil && cursor == "" {
			err = fmt.Errorf("%w: %q", queue.ErrCursor, cursor)
		}
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

// In returns the place after which the events of a section begin for somebody who is at p. It returns
// false if p is behind the section.
func (p Place) In(section Section) (Place, bool) {
	if p.Section < section {
		return Place{Section: section}, true
	}
	return p, p.Section == section
}
