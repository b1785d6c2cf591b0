package placeholder

import (
	"path/filepath"
	"strings"
)

// rewordedError is an error whose text was replaced.
type rewordedError struct {
	error
	text string
}

func (e *rewordedError) Error() string { return e.text }

func (e *rewordedError) Unwrap() error { return e.error }

// HidePath replaces a path in the text of an error by the path as it is configured, so that the
// error has placeholders instead of their values.
func HidePath(err error, path, configured string) error {
	literal := strings.IndexByte(configured, '{')
	if err == nil || literal < 0 {
		return err
	}
	text := err.Error()
	for ; len(path) > literal && path != filepath.Dir(path); path = filepath.Dir(path) {
		text = strings.ReplaceAll(text, path, configured)
	}
	return &rewordedError{err, text}
}
