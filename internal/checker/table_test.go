package checker

import (
	"slices"
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"":                     {""},
		"one":                  {"one"},
		"one two three":        {"one two", "three"},
		"a longestword b":      {"a", "longestw", "ord b"},
		"昵称昵称昵称":               {"昵称昵称", "昵称"},
		"a 昵称昵 b":              {"a 昵称昵", "b"},
		"  spaces \n between ": {"spaces", "between"},
	} {
		if got := wrap(text, 8); !slices.Equal(got, want) {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestWrite(t *testing.T) {
	r := &Report{URL: "https://im.example.com/im/callback", SDKAppID: app, Findings: []Finding{
		{Title: "A", Severity: Must, Result: Passed, Detail: "as it should be, which is told at length", Why: "why a", Fix: "fix a"},
		{Title: "B", Severity: Must, Result: Failed, Detail: "wrong", Why: "why b is wrong and why it matters so much", Fix: "fix b"},
		{Title: "C", Severity: Should, Result: Failed, Detail: "not so good", Why: "why c", Fix: "fix c"},
		{Title: "D", Severity: Must, Result: NotTold, Detail: "nobody knows"},
		{Title: "E", Severity: Should, Result: Skipped, Detail: "not for you"},
		{Title: "F", Severity: Must, Result: NotTold, Detail: notAccepted},
		{Title: "G", Severity: Should, Result: NotTold, Detail: notAccepted},
	}}
	r.count()
	var b strings.Builder
	if err := r.Write(&b, Style{Width: 40, Brief: true}); err != nil {
		t.Fatal(err)
	}
	const want = `https://im.example.com/im/callback as
app 1400000000

ok    A: as it should be, which is told…
FAIL  B: wrong
      why:  why b is wrong and why it
            matters so much
      fix:  fix b
warn  C: not so good
      why:  why c
      fix:  fix c
?     D: nobody knows
skip  E: not for you
?     2 more prove nothing, since
      genuine callbacks are not accepted
      (-v lists them)

1 ok, 1 FAIL, 1 warn, 3 ?, 1 skip. With
a FAIL, callbacks are lost or forged
ones are accepted. A ? means that the
result is not known: fix the rest and
check again.
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	if err := r.Write(&b, Style{Width: 40, Verbose: true}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"why:  why a\n", "fix:  fix a\n", "which is told\n      at length\n", "?     F: genuine"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("without %q:\n%s", text, b.String())
		}
	}
}

func TestCount(t *testing.T) {
	for _, test := range []struct {
		severity Severity
		result   Result
		ok       bool
	}{
		{Must, Passed, true}, {Must, Skipped, true}, {Must, NotTold, false}, {Must, Failed, false},
		{Should, Passed, true}, {Should, Skipped, true}, {Should, NotTold, true}, {Should, Failed, true},
	} {
		r := &Report{Findings: []Finding{{Severity: test.severity, Result: test.result}}}
		if r.count(); r.OK != test.ok || r.Passed+r.Failed+r.Warnings+r.NotTold+r.Skipped != 1 {
			t.Errorf("%+v: got %+v", test, r)
		}
	}
}
