package callback

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAnswerJSON(t *testing.T) {
	for _, tc := range []struct {
		a    Answer
		want string
	}{
		{OK(), `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`},
		{Fail("no"), `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no"}`},
		{Fail("\"\n昵\xff"), `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"\"\n昵` + "\ufffd" + `"}`},
	} {
		if got := string(tc.a.JSON()); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	const ok = `"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""`
	for body, want := range map[string]Answer{
		`{` + ok + `}`:                   OK(),
		" {\n" + ok + `,"New":[1e400]} `: OK(),
		`{"ErrorInfo":"no","ErrorCode":1,"ActionStatus":"FAIL"}`:                        Fail("no"),
		`{"ActionStatus":"OK","ErrorCode":-9223372036854775808,"ErrorInfo":"昵"}`:        {"OK", -1 << 63, "昵"},
		`{"Action\u0053tatus":"O\u004b","ErrorCode":120001,"ErrorInfo":"\ud83d\ude00"}`: {"OK", 120001, "😀"},
	} {
		if got, err := ParseAnswer([]byte(body)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
	}
	large := `{` + ok + `,"x":"` + strings.Repeat("x", MaxAnswer) + `"}`
	for _, body := range []string{
		"", "null", "[]", `"OK"`, "OK", "{}", "<html>", `{` + ok, `{` + ok + `}x`, `{` + ok + `}{}`, large,
		`{"ErrorCode":0,"ErrorInfo":""}`, `{"ActionStatus":"OK","ErrorInfo":""}`, `{"ActionStatus":"OK","ErrorCode":0}`,
		`{"ActionStatus":"ok","ErrorCode":0,"ErrorInfo":""}`, `{"ActionStatus":"","ErrorCode":0,"ErrorInfo":""}`,
		`{"ActionStatus":null,"ErrorCode":0,"ErrorInfo":""}`, `{"ActionStatus":"OK","ErrorCode":null,"ErrorInfo":""}`,
		`{"ActionStatus":"OK","ErrorCode":"0","ErrorInfo":""}`, `{"ActionStatus":"OK","ErrorCode":0.5,"ErrorInfo":""}`,
		`{"ActionStatus":"OK","ErrorCode":9223372036854775808,"ErrorInfo":""}`, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":null}`,
		`{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":1}`, `{"actionstatus":"OK","errorcode":0,"errorinfo":""}`,
		`{` + ok + `,"ActionStatus":"FAIL"}`, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"` + "\xff" + `"}`,
		`{` + ok + `,"x":` + strings.Repeat("[", 60_000),
	} {
		if got, err := ParseAnswer([]byte(body)); err == nil || got != (Answer{}) {
			t.Errorf("%.80s: got %+v, %v", body, got, err)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, body := range []string{string(OK().JSON()), string(Fail("\u2028").JSON()), "", `{"ActionStatus":"OK","ErrorCode":1e0,"ErrorInfo":"\ud800"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ParseAnswer(body)
		if err != nil {
			return
		}
		var reference Answer
		if err := json.Unmarshal(body, &reference); err != nil {
			t.Fatalf("accepted: %v\n%s", err, body)
		}
		if back, err := ParseAnswer(a.JSON()); err != nil || back != a {
			t.Fatalf("got %+v, %v, want %+v", back, err, a)
		}
	})
}
