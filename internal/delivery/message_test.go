package delivery

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/profile"
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
	const want = "POST /callback?a=b HTTP/1.1\r\n" +
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
			t.Errorf("%q was taken as %+v", payload, m)
		}
	}
}

// FuzzMessage: whatever a message holds, it is read again as it is, but for what
// Append says, and net/http reads the same.
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
			return // net/http refuses the one and adds to the other
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

func TestStripQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"a":                                 "a",
		"a=1&b=%zz&&c=+":                    "a=1&b=%zz&&c=+",
		"Sign=x":                            "",
		"a=1&Sign=x&b=2":                    "a=1&b=2",
		"Sign=x&a=1&RequestTime=5":          "a=1",
		"sign=x&SIGN=y&a&Sign&requesttime=": "a",
		"%53ign=x&Si%67n=y&Request%54ime=1": "",
		"\u017fign=x&a=1":                   "a=1", // folds to s
		"%c5%bfign=x&a=1":                   "a=1",
		"Signed=1&aSign=2&RequestTimes=3":   "Signed=1&aSign=2&RequestTimes=3",
		"Sign+=x":                           "Sign+=x", // "Sign "
		"%zzSign=x":                         "%zzSign=x",
		"a=Sign&b=Sign=1":                   "a=Sign&b=Sign=1",
		"&Sign=x&":                          "&",
	} {
		if got := StripQuery(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzStripQuery: what ParseQuery reads stays as it was, but for the secrets.
func FuzzStripQuery(f *testing.F) {
	f.Add("SdkAppid=1&CallbackCommand=c&RequestTime=1&Sign=x&ClientIP=::1")
	f.Add("&&Sign&=%53ign=;%")
	f.Fuzz(func(t *testing.T, raw string) {
		got := StripQuery(raw)
		if again := StripQuery(got); again != got {
			t.Fatalf("got %q, then %q", got, again)
		}
		i := 0 // got's parameters are raw's, in that order
		pairs := strings.Split(raw, "&")
		for pair := range strings.SplitSeq(got, "&") {
			at := slices.Index(pairs[i:], pair)
			if at < 0 && got != "" {
				t.Fatalf("%q became %q", raw, got)
			}
			i += at + 1
		}
		before, err := profile.ParseQuery(raw)
		if err != nil {
			return
		}
		after, err := profile.ParseQuery(got)
		before.Sign, before.RequestTime = "", ""
		if err != nil || after != before {
			t.Fatalf("%q became %q: %+v, %v", raw, got, after, err)
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

func BenchmarkStripQuery(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		StripQuery("SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json" +
			"&ClientIP=127.0.0.1&OptPlatform=iOS&RequestTime=1669872112&Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061")
	}
}
