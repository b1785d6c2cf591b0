package delivery

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func sampleMessage() *Message {
	return &Message{
		Host:       "im.example.com",
		URI:        "/callback?a=b&SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS",
		RemoteAddr: "203.0.113.7:4711",
		Header: http.Header{
			"Content-Type":   {"application/json"},
			"Ce-Specversion": {"1.0"},
			"Ce-Id":          {"0123456789abcdef0123456789abcdef"},
			"Ce-Source":      {"/tim/apps/1400000000"},
			"Ce-Type":        {"com.tencent.im.Profile.CallbackPortraitSet"},
			"Ce-Subject":     {"id1"},
			"Ce-Time":        {"2022-07-04T07:50:52.497Z"},
			"Ce-Sdkappid":    {"1400000000"},
			"Ce-Operator":    {"id1"},
			"Ce-Platform":    {"ios"},
			"Ce-Clientip":    {"127.0.0.1"},
			"Ce-Changed":     {"nick,gender,allow_type,custom.Data"},
			"Traceparent":    {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		},
		Body: []byte(`{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet","event_time":"2022-07-04T07:50:52.497Z",` +
			`"operator_account":"id1","from_account":"id1","self_update":true,"platform":"ios","client_ip":"127.0.0.1",` +
			`"profile":{"nick":"nick1","gender":"male","allow_type":"need_confirm"},"custom":{"Data":"your custom data"}}`),
	}
}

func TestMessageOnTheWire(t *testing.T) {
	m := &Message{
		Host:       "im.example.com",
		URI:        "/callback?a=b",
		RemoteAddr: "[2001:db8::1]:4711",
		Header:     http.Header{"Tracestate": {"a=1", "b=2"}, "Ce-Id": {"42"}},
		Body:       []byte("{}"),
	}
	const want = "CALLBACK /callback?a=b HTTP/1.1\r\n" +
		"Host: im.example.com\r\n" +
		"Tim-Callback-Remote-Addr: [2001:db8::1]:4711\r\n" +
		"Content-Length: 2\r\n" +
		"Ce-Id: 42\r\n" +
		"Tracestate: a=1\r\n" +
		"Tracestate: b=2\r\n" +
		"\r\n{}"
	wire := m.Append([]byte("before "))
	if got := string(wire); got != "before "+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, err := ParseMessage([]byte(want)); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMessageRoundTrip(t *testing.T) {
	for name, m := range map[string]*Message{
		"sample":       sampleMessage(),
		"bare":         {URI: "/", Header: http.Header{}, Body: []byte{}},
		"blank line":   {URI: "/", Header: http.Header{}, Body: []byte("\r\n\r\nPOST / HTTP/1.1\r\n\r\n")},
		"bytes":        {URI: "/%zz?\xff", Header: http.Header{"Ce-Subject": {"\xff\t\xfe"}}, Body: []byte{0, 0xff}},
		"two slashes":  {URI: "//a//b", Header: http.Header{}, Body: []byte("x")},
		"empty header": {Host: "h", URI: "/", Header: http.Header{"Ce-A": {""}, "Ce-B": {"", "b"}}, Body: []byte("x")},
	} {
		if got, err := ParseMessage(m.Append(nil)); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestMessageCannotBeForged(t *testing.T) {
	m := &Message{
		Host:       "a\r\nX-Host: 1",
		URI:        "/a b\r\nX-Uri: 1",
		RemoteAddr: "1.2.3.4:5\nX-Addr: 1",
		Header: http.Header{
			"Ce-Id":                    {"1\r\nX-Value: 1", "2\r\n\r\n3"},
			"X-Name: 1\r\nY":           {"1"},
			"":                         {"1"},
			"Host":                     {"other"},
			"content-length":           {"0"},
			"Transfer-Encoding":        {"chunked"},
			"Trailer":                  {"Ce-Id"},
			"tim-callback-remote-addr": {"6.6.6.6:6"},
		},
	}
	got, err := ParseMessage(m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := &Message{
		Host:       "a  X-Host: 1",
		URI:        "/a%20b%0D%0AX-Uri:%201",
		RemoteAddr: "1.2.3.4:5 X-Addr: 1",
		Header:     http.Header{"Ce-Id": {"1  X-Value: 1", "2    3"}},
		Body:       []byte{},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseMessageRefuses(t *testing.T) {
	for _, payload := range []string{
		"",
		"\r\n\r\n",
		"POST / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
		"POST  HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
		"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nab",
		"POST / HTTP/1.1\r\nContent-Length: 2\r\nCe-Id\r\n\r\nab",
		"POST / HTTP/1.1\r\nContent-Length: 2\r\n: 1\r\n\r\nab",
		"POST / HTTP/1.1\r\nContent-Length: 2\r\n folded\r\n\r\nab",
	} {
		if m, err := ParseMessage([]byte(payload)); err == nil {
			t.Errorf("%q was accepted as %+v", payload, m)
		}
	}
}

// FuzzMessage checks that any message is the same after it is written and parsed, except for what
// Append documents, and that net/http reads the same.
func FuzzMessage(f *testing.F) {
	f.Add("im.example.com", "/callback?a=b", "1.2.3.4:5", "Ce-Id", "1", "Tracestate", "a", []byte("{}"))
	f.Add("", "", "", "", "", "", "", []byte(nil))
	f.Add("h\r\n", "x y\x00\r\n", " \t", "Content-Length", "5", "transfer-encoding", "chunked", []byte("\r\n\r\n"))
	f.Add("h", "/%zz", "::1", "ce-id", "a\x00b", "Ce-Id", "\x7f\xff", []byte{0})
	f.Fuzz(func(t *testing.T, host, uri, addr, name1, value1, name2, value2 string, body []byte) {
		m := &Message{Host: host, URI: uri, RemoteAddr: addr, Header: http.Header{name1: {value1}}, Body: body}
		m.Header[name2] = append(m.Header[name2], value2)
		wire := m.Append(nil)
		got, err := ParseMessage(wire)
		if err != nil {
			t.Fatalf("%v\n%q", err, wire)
		}
		if !bytes.Equal(got.Body, body) || len(got.Header) > 2 {
			t.Fatalf("got %+v\nwant %+v", got, m)
		}
		again, err := ParseMessage(got.Append(nil))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("got %+v, then %+v, %v", got, again, err)
		}
		if !strings.ContainsFunc(host+uri+addr+value1+value2, func(r rune) bool { return r <= ' ' || r == 0x7f }) &&
			strings.HasPrefix(uri, "/") {
			if got.Host != host || got.URI != uri || got.RemoteAddr != addr {
				t.Fatalf("got %+v\nwant %+v", got, m)
			}
		}
		if _, err := url.ParseRequestURI(got.URI); err != nil || got.Header["Pragma"] != nil {
			return // net/http refuses such a message, or adds to it
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			t.Fatalf("net/http: %v\n%q", err, wire)
		}
		read, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(read, body) || r.RequestURI != got.URI || r.Host != got.Host ||
			r.Header.Get(remoteAddrHeader) != got.RemoteAddr {
			t.Fatalf("net/http got %+v %q, %v\nwant %+v", r, read, err, got)
		}
		r.Header.Del(remoteAddrHeader)
		r.Header.Del("Content-Length")
		if !reflect.DeepEqual(r.Header, got.Header) {
			t.Fatalf("net/http got %q\nwant %q", r.Header, got.Header)
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	f.Add(sampleMessage().Append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ParseMessage(payload)
		if err != nil {
			return
		}
		if again, err := ParseMessage(m.Append(nil)); err != nil || !bytes.Equal(again.Body, m.Body) {
			t.Fatalf("got %+v, then %+v, %v", m, again, err)
		}
	})
}

func BenchmarkMessageAppend(b *testing.B) {
	m := sampleMessage()
	buf := m.Append(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}

func BenchmarkParseMessage(b *testing.B) {
	payload := sampleMessage().Append(nil)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMessage(payload); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMessageQuery: what authenticates a callback is not written.
func TestMessageQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                            "/a",
		"Sign=x":                      "/a",
		"Sign=x&RequestTime=1":        "/a",
		"b=1&Sign=x&c=2":              "/a?b=1&c=2",
		"b=1 2\r\nX: y&requesttime=1": "/a?b=1%202%0D%0AX:%20y",
	} {
		m, err := ParseMessage((&Message{URI: "/a", RawQuery: raw}).Append(nil))
		if err != nil || m.URI != want || m.RawQuery != "" {
			t.Errorf("%q: got %+v, %v", raw, m, err)
		}
	}
}

// TestPreparedMessage reads a message of an older version, which is a POST.
func TestPreparedMessage(t *testing.T) {
	m, err := ParseMessage([]byte("POST /a?b HTTP/1.1\r\nCe-Id: 1\r\nContent-Length: 2\r\n\r\n{}"))
	if err != nil || !m.Prepared || m.URI != "/a?b" || m.Header.Get("Ce-Id") != "1" {
		t.Errorf("got %+v, %v", m, err)
	}
	if m, err := ParseMessage((&Message{URI: "/a"}).Append(nil)); err != nil || m.Prepared {
		t.Errorf("got %+v, %v", m, err)
	}
	if m, err := ParseMessage([]byte("CALLBACK POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")); err == nil {
		t.Errorf("got %+v", m)
	}
}

func TestNeedsNoEscape(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte("!~abcdefghij\x80\xffklmnop")
			text[at] = byte(c)
			if got, want := needsNoEscape(text), c > ' ' && c != 0x7f; got != want {
				t.Fatalf("%q: got %v", text, got)
			}
		}
	}
}
