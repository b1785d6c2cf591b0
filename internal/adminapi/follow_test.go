package adminapi

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func read(text string) (got []Message, err error) {
	err = readEvents(strings.NewReader(text), func(e event) (bool, error) {
		m, err := e.message()
		if err == nil {
			got = append(got, m)
		}
		return true, err
	})
	return got, err
}

func TestReadEvents(t *testing.T) {
	got, err := read("id: a-0\n\n: heartbeat\nid: a-1\n\nid: a-2\ndata: {\"seq\":2,\ndata: \"result\":\"ok\"}\n\nevent: lost\ndata: {\"lost\":7}\n\nevent: new\ndata: x\n\ndata: {\"seq\":3}\n\ndata: {\"seq\":4}")
	if !errors.Is(err, ErrEnded) || len(got) != 6 {
		t.Fatalf("%v, %+v", err, got)
	}
	if got[0].Cursor != "a-0" || got[1].Cursor != "a-1" || got[1].Callback != nil || got[2].Callback.Seq != 2 || got[2].Callback.Result != "ok" || got[2].Cursor != "a-2" ||
		got[3].Lost != 7 || got[3].Callback != nil || got[4].Callback != nil || got[5].Callback.Seq != 3 || got[5].Cursor != "a-2" {
		t.Errorf("%+v", got)
	}
	if _, err := read("data: x\n\n"); err == nil || errors.Is(err, ErrEnded) {
		t.Errorf("data that is not JSON: %v", err)
	}
	if _, err := read("data: " + strings.Repeat("x", maxEvent)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a line without an end: %v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: a-1\ndata: {\"seq\":1}\n\nevent: lost\ndata: {\"lost\":1}\n\n: x\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := read(text); err == nil {
			t.Error("it does not end")
		}
	})
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]string{
		"2h": "2026-01-02T01:04:05Z", "0s": "2026-01-02T03:04:05Z", "1h30m": "2026-01-02T01:34:05Z",
		"2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z", "2026-01-01T08:00:00.5+08:00": "2026-01-01T00:00:00.5Z",
		"": "", "-1h": "", "2026-01-01": "", "yesterday": "", "5": "", "99999999h": "",
	} {
		got, err := ParseTime(text, now)
		if (err == nil) != (want != "") || err == nil && got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
