package callback

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// full has every attribute.
var full = Attributes{
	ID: sample.EventID, SDKAppID: sample.SDKAppID, Command: command, Subject: "id1", Time: "2022-07-04T07:50:52.497Z", PartitionKey: "1400000000/id1",
	Sequence: "00000000000000000042", Operator: "admin 1", Platform: "ios", ClientIP: "2001:db8::1", Changed: "nick,custom.Data",
}

func TestSetHeaders(t *testing.T) {
	for name, tc := range map[string]struct {
		a    Attributes
		want map[string]string
	}{
		"full": {full, map[string]string{
			"Ce-Specversion":  "1.0",
			"Ce-Id":           sample.EventID,
			"Ce-Source":       "/tim/apps/1400000000",
			"Ce-Type":         "com.tencent.im.Profile.CallbackPortraitSet",
			"Ce-Subject":      "id1",
			"Ce-Time":         "2022-07-04T07:50:52.497Z",
			"Ce-Partitionkey": "1400000000/id1",
			"Ce-Sequence":     "00000000000000000042",
			"Ce-Sdkappid":     "1400000000",
			"Ce-Operator":     "admin%201",
			"Ce-Platform":     "ios",
			"Ce-Clientip":     "2001:db8::1",
			"Ce-Changed":      "nick,custom.Data",
		}},
		"what is absent is left out": {Attributes{ID: "1", SDKAppID: "2", Command: "C"}, map[string]string{
			"Ce-Specversion": "1.0",
			"Ce-Id":          "1",
			"Ce-Source":      "/tim/apps/2",
			"Ce-Type":        "com.tencent.im.C",
			"Ce-Sdkappid":    "2",
		}},
		"empty": {Attributes{}, map[string]string{"Ce-Specversion": "1.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := http.Header{"Ce-Id": {"forged", "twice"}}
			StripHeaders(got)
			tc.a.SetHeaders(got)
			want := http.Header{}
			for name, value := range tc.want {
				want[name] = []string{value}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
			if back := ParseHeaders(got); back != tc.a {
				t.Errorf("read back %+v", back)
			}
		})
	}
}

func TestFormatSequence(t *testing.T) {
	last := ""
	for _, n := range []uint64{0, 1, 9, 10, 42, 1 << 32, 1<<63 - 1, 1<<64 - 1} {
		got := FormatSequence(n)
		if back, err := strconv.ParseUint(got, 10, 64); back != n || err != nil || len(got) != 20 || got <= last {
			t.Errorf("%d is %q, after %q", n, got, last)
		}
		last = got
	}
}

func TestStructured(t *testing.T) {
	got, err := full.Structured([]byte(`{"n":1.50}`))
	if err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(got, &event); err != nil {
		t.Fatal(err)
	}
	for name, value := range full.each {
		name = strings.ToLower(strings.TrimPrefix(name, "Ce-"))
		if event[name] != value {
			t.Errorf("%s is %v, not %s", name, event[name], value)
		}
		delete(event, name)
	}
	want := map[string]any{"datacontenttype": "application/json", "data": map[string]any{"n": 1.5}}
	if !reflect.DeepEqual(event, want) || !strings.Contains(string(got), `{"n":1.50}`) {
		t.Errorf("got %s", got)
	}
	if got, err := full.Structured([]byte("{")); err == nil {
		t.Errorf("data that is no JSON: got %s", got)
	}
}

// The value of an attribute can neither end a header nor begin another one.
func TestHeaderInjection(t *testing.T) {
	const evil = "a\r\nX-Evil: 1\r\n\r\n"
	a := Attributes{ID: evil, SDKAppID: evil, Command: evil, Subject: evil, Time: evil, Operator: evil, Platform: evil, ClientIP: evil, Changed: evil}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	a.SetHeaders(r.Header)
	var wire strings.Builder
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(wire.String(), "\n") {
		if strings.HasPrefix(line, "X-Evil") {
			t.Fatal(wire.String())
		}
	}
}

func TestStripHeaders(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{
		"Ce-Id", "ce-id", "CE-ID", "Ce_Subject", "ce.type", "Ce-", "Ce-Anything-New", "ce~id", "Ce!id", "ce'id",
		"Webhook-Id", "webhook_signature", "WEBHOOK.TIMESTAMP", "Webhook-Other",
	} {
		h[name] = []string{"forged"}
	}
	want := http.Header{}
	for _, name := range []string{"Ce", "Cert-Id", "X-Ce-Id", "Webhook", "Webhooks-Id", "X-Webhook-Id", "Content-Type", "_ce-id", ""} {
		want[name] = []string{"kept"}
	}
	maps.Copy(h, want)
	StripHeaders(h)
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got %v", h)
	}
}
