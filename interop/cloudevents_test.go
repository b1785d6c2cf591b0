package interop

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

func TestCloudEvents(t *testing.T) {
	for _, path := range []string{"/normalized", "/original"} {
		for _, in := range inputs {
			t.Run(path[1:]+"/"+in.name, func(t *testing.T) {
				r, body := forwarded(t, path, in.callback, "Ce-Evil", "Ce-Id", "Ce-Time")
				e, err := cehttp.NewEventFromHTTPRequest(r)
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Validate(); err != nil {
					t.Error(err)
				}
				checkAttributes(t, e, in)
				checkExtensions(t, e, in)
				if !bytes.Equal(e.Data(), body) {
					t.Errorf("data %s", e.Data())
				}
				if path == "/original" && !bytes.Equal(body, in.callback.Body) {
					t.Errorf("not the original: %s", body)
				}
			})
		}
	}
}

func checkAttributes(t *testing.T, e *event.Event, in input) {
	t.Helper()
	if e.SpecVersion() != "1.0" || e.Source() != "/tim/apps/"+app || e.Type() != "com.tencent.im."+profile.Command {
		t.Errorf("got %v", e)
	}
	if e.DataContentType() != "application/json" {
		t.Errorf("content type %s", e.DataContentType())
	}
	// without a time the ID is random, and a time of zero is none
	timed := in.time != "" && in.time != "1970-01-01T00:00:00Z"
	if same := e.ID() == callback.EventID(app, profile.Command, "", in.callback.Body); same != timed || len(e.ID()) != 32 {
		t.Errorf("ID %s", e.ID())
	}
	if got := decoded(t, e.Subject()); got != in.subject {
		t.Errorf("subject %q, want %q", got, in.subject)
	}
	var want time.Time
	if in.time != "" {
		want, _ = time.Parse(time.RFC3339, in.time)
	}
	if !e.Time().Equal(want) {
		t.Errorf("time %s, want %s", e.Time(), want)
	}
}

func checkExtensions(t *testing.T, e *event.Event, in input) {
	t.Helper()
	want := map[string]string{"sdkappid": app, "partitionkey": app + "/" + in.subject, "operator": in.operator, "changed": in.changed}
	for name, value := range e.Extensions() {
		text, ok := value.(string)
		if !ok {
			t.Errorf("%s is a %T", name, value)
		}
		switch name {
		case "platform", "clientip":
			if text == "" {
				t.Errorf("%s is empty", name)
			}
			continue
		}
		if w, known := want[name]; !known || decoded(t, text) != w {
			t.Errorf("%s is %q, want %q", name, text, w)
		}
		delete(want, name)
	}
	for name, value := range want {
		if value != "" {
			t.Errorf("%s is missing", name)
		}
	}
}

// decoded reverses the percent-encoding of CloudEvents' HTTP binding. The SDK (v2.16) does not
// do so: it returns attributes as they are in the header.
func decoded(t *testing.T, attribute string) string {
	t.Helper()
	if strings.ContainsFunc(attribute, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }) {
		t.Errorf("%q is not encoded; does the SDK decode now?", attribute)
	}
	text, err := url.PathUnescape(attribute)
	if err != nil {
		t.Error(err)
	}
	return text
}

// A Go backend finds the exact values in the body, and need not decode any header.
func TestBodyIsExact(t *testing.T) {
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			_, body := forwarded(t, "/normalized", in.callback)
			var got profile.Event
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			var sent struct {
				From string `json:"From_Account"`
			}
			if err := json.Unmarshal(in.callback.Body, &sent); err != nil {
				t.Fatal(err)
			}
			if got.FromAccount != sent.From {
				t.Errorf("from_account %q, want %q", got.FromAccount, sent.From)
			}
		})
	}
}
