package listing

import "github.com/d13c7061/caddy-tim-callback/queue"

// List collects the entries of a page.
type List struct {
	Query   queue.Query
	Entries []queue.Entry
	From    Place // the page begins after this one

	looked, bytes int
}

// New returns an empty page. It returns an error if the query's cursor is none.
func New(q queue.Query) (*List, error) {
	from, err := Parse(q.After)
	return &List{Query: q.WithDefaults(), From: from}, err
}

// Sections calls list with each section after the beginning of the page that can have events which the
// query wants, and with the place there after which it begins, until the page is full. Each call lists
// events until the page is full, or until the section has no more. It returns the last place that it has
// looked at.
func (l *List) Sections(list func(from Place) (last Place, err error)) (queue.Page, error) {
	for section := Spooled; section < End; section++ {
		from, ok := l.From.In(section)
		if !ok || !l.wants(section) {
			continue
		}
		last, err := list(from)
		if err != nil {
			return queue.Page{}, err
		}
		if l.Full() {
			return l.page(last), nil
		}
	}
	return queue.Page{Entries: l.Entries}, nil
}

func (l *List) wants(section Section) bool {
	switch section {
	case Dead:
		return l.Query.Wants(queue.DeadLetter)
	case Delivered:
		return l.Query.Wants(queue.Delivered)
	}
	return l.Query.Wants(queue.Waiting) || l.Query.Wants(queue.InFlight)
}

func (l *List) page(last Place) queue.Page {
	return queue.Page{Entries: l.Entries, Next: last.String()}
}

// Full reports whether the page has as many entries as it may have, or enough events were looked at.
func (l *List) Full() bool {
	return len(l.Entries) >= l.Query.Limit || l.looked >= l.Query.Look || l.bytes >= queue.MaxPageBytes
}

// Left is how many events may still be looked at.
func (l *List) Left() int { return l.Query.Look - l.looked }

// AtOnce is how many events to read at once: so many as the page still needs if each of them is listed, and
// else most, but not more than may be looked at.
func (l *List) AtOnce(most int) int {
	if q := &l.Query; q.Match == nil && q.Since.IsZero() && q.Until.IsZero() {
		return min(q.Limit-len(l.Entries), l.Left())
	}
	return min(most, l.Left())
}

// Looked counts an event that was looked at.
func (l *List) Looked() { l.looked++ }

// Add adds an entry at a place.
func (l *List) Add(e queue.Entry, at Place) {
	e.Cursor = at.String()
	l.bytes += len(e.Payload)
	l.Entries = append(l.Entries, e)
}
