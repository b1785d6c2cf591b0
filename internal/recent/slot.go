package recent

import (
	"strings"
	"time"
	"unicode/utf8"
)

// slot is the storage of one callback in a [Ring].
type slot struct {
	seq      uint64
	began    int64 // Unix time in nanoseconds
	took     time.Duration
	result   Result
	detail   string
	queue    string
	delivery Delivery // its State is "" if nothing is known

	status    int
	duplicate bool
	undecided bool

	hash         uint64 // of the ID
	newer, older int32  // neighbours in the index; -1 if there is none
	ends         [fields]uint16
	texts        [appSize + idSize + ipSize + 2*MaxText]byte
}

// The texts in [slot.texts], in this order.
const (
	fieldApp = iota
	fieldID
	fieldIP
	fieldCommand
	fieldSubject
	fields
)

// MaxText is the size in bytes to which texts are shortened.
const MaxText = 128

// The sizes of the other texts, which have a bound by nature. They are bounded all the same.
const (
	appSize = 24 // 2^64-1 has 20 digits
	idSize  = 32
	ipSize  = 48
)

const ellipsis = "…"

// shorten returns how many bytes of a text are kept, and what is put after them.
func shorten[T string | []byte](s T, most int) (n int, more string) {
	if len(s) <= most {
		return len(s), ""
	}
	n = most - len(ellipsis)
	for back := n; back > n-utf8.UTFMax && back > 0; back-- { // do not cut a character in two
		if utf8.RuneStart(s[back]) {
			return back, ellipsis
		}
	}
	return n, ellipsis
}

// short returns a text as a slot keeps it.
func short(s string, most int) string {
	n, more := shorten(s, most)
	if more == "" {
		return s
	}
	return s[:n] + more
}

func (s *slot) set(c *Callback) {
	s.began, s.took = c.Began.UnixNano(), c.Took
	s.result, s.detail, s.queue = c.Result, short(c.Detail, MaxText), c.Queue
	s.status, s.duplicate, s.undecided = c.Status, c.Duplicate, c.Undecided
	s.delivery = Delivery{}
	end := 0
	end = s.append(end, fieldApp, c.App, appSize)
	n := copy(s.texts[end:end+idSize], c.ID) // an ID has no more bytes
	end += n
	s.ends[fieldID] = uint16(end)
	end = s.append(end, fieldIP, c.ClientIP, ipSize)
	end = s.append(end, fieldCommand, c.Command, MaxText)
	s.append(end, fieldSubject, c.Subject, MaxText)
}

// append stores a text behind the first end bytes, and returns the new end.
func (s *slot) append(end, field int, text string, most int) int {
	n, more := shorten(text, most)
	end += copy(s.texts[end:], text[:n])
	end += copy(s.texts[end:], more)
	s.ends[field] = uint16(end)
	return end
}

func (s *slot) text(field int) []byte {
	start := uint16(0)
	if field > 0 {
		start = s.ends[field-1]
	}
	return s.texts[start:s.ends[field]]
}

func (s *slot) hasID() bool { return s.ends[fieldID] > s.ends[fieldApp] }

// entry returns a copy in memory of its own.
func (s *slot) entry() Entry {
	text := func(field int) string { return strings.ToValidUTF8(string(s.text(field)), "\ufffd") }
	e := Entry{
		Seq: s.seq,
		Callback: Callback{
			Began:     time.Unix(0, s.began),
			Took:      s.took,
			App:       text(fieldApp),
			Command:   text(fieldCommand),
			Subject:   text(fieldSubject),
			ClientIP:  text(fieldIP),
			Result:    s.result,
			Detail:    strings.ToValidUTF8(s.detail, "\ufffd"),
			Status:    s.status,
			Queue:     s.queue,
			Stored:    s.queue != "" && s.result == OK && !s.duplicate,
			Duplicate: s.duplicate,
			Undecided: s.undecided,
		},
		EventID: text(fieldID),
	}
	if s.delivery.State != "" {
		delivery := s.delivery
		e.Delivery = &delivery
	}
	return e
}
