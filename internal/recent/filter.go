package recent

import (
	"bytes"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Filter says which callbacks are wanted. Zero values are no condition.
type Filter struct {
	Results []Result
	Command callback.Pattern
	Subject string
	ID      string    // the ID of the event, or its beginning
	Since   time.Time // when the callback arrived, at the earliest
	Until   time.Time // and at the latest
}

func (f *Filter) match(s *slot) bool {
	switch {
	case len(f.Results) > 0 && !slices.Contains(f.Results, s.result),
		f.ID != "" && !bytes.HasPrefix(s.text(fieldID), []byte(f.ID)),
		f.Subject != "" && string(s.text(fieldSubject)) != short(f.Subject, MaxText),
		!f.Since.IsZero() && s.began < f.Since.UnixNano(),
		!f.Until.IsZero() && s.began > f.Until.UnixNano(),
		f.Command != "" && !f.Command.Match(string(s.text(fieldCommand))):
		return false
	}
	return true
}
