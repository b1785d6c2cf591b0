package rig

import (
	"io"
	"testing"
)

// TestFlags checks which arguments are refused, and with which error.
func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string // the error, "" for none
	}{
		{[]string{}, ""},
		{[]string{"-rounds", "1", "-seconds", "49"}, ""},
		{[]string{"-rounds", "0"}, "-rounds must be at least 1"},
		{[]string{"-seconds", "50"}, "-seconds must be from 1 to 49"},
		{[]string{"-unknown"}, "see -help"},
		{[]string{"word"}, `surplus argument "word"`},
	} {
		flags := NewFlags("test", "")
		flags.SetOutput(io.Discard)
		flags.Load(1, 1)
		got := ""
		if err := flags.Parse(test.args); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: the error is %q, want %q", test.args, got, test.want)
		}
	}
}
