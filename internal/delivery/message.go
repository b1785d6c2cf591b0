package delivery

import (
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Message is what a queue keeps of a callback: the POST to be delivered.
type Message struct {
	Host       string
	URI        string      // path and query, without Sign and RequestTime; see [StripQuery]
	RemoteAddr string      // the client's address, for X-Forwarded-For; may be empty
	Header     http.Header // Content-Type, the trace context and, where it was parsed, ce-*
	Body       []byte

	// Event, if it is there, gives the message ce-* headers when it is written,
	// which costs less than having them in Header.
	Event *profile.Event
}

// remoteAddrHeader carries RemoteAddr. No header of the message can stand for it:
// Append leaves out those that are reserved.
const remoteAddrHeader = "Tim-Callback-Remote-Addr"

// reserved reports whether a header frames the message, rather than belonging to it.
func reserved(canonicalName string) bool {
	switch canonicalName {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", remoteAddrHeader:
		return true
	}
	return false
}

// Append appends the message as an HTTP/1.1 request, those of Header in the order
// of their names. Nothing in it can add a header or another request: in values,
// control characters become spaces; in the URI, they and spaces are
// percent-encoded; headers with a malformed or reserved name are left out.
func (m *Message) Append(dst []byte) []byte {
	dst = append(dst, "POST "...)
	if !strings.HasPrefix(m.URI, "/") {
		dst = append(dst, '/')
	}
	dst = appendURI(dst, m.URI)
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendHeader(dst, "Host", m.Host)
	if m.RemoteAddr != "" {
		dst = appendHeader(dst, remoteAddrHeader, m.RemoteAddr)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(m.Body)), 10)
	dst = append(dst, "\r\n"...)

	if m.Event != nil {
		for name, value := range m.Event.Headers {
			dst = appendHeader(dst, name, value)
		}
	}
	names := make([]string, 0, 16) // does not escape
	for name := range m.Header {
		if validName(name) && !reserved(textproto.CanonicalMIMEHeaderKey(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range m.Header[name] {
			dst = appendHeader(dst, name, value)
		}
	}
	dst = append(dst, "\r\n"...)
	return append(dst, m.Body...)
}

func appendHeader(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	start := len(dst)
	dst = append(dst, value...)
	for i, c := range dst[start:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			dst[start+i] = ' '
		}
	}
	return append(dst, "\r\n"...)
}

func appendURI(dst []byte, uri string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == 0x7f {
			dst = append(dst, '%', hex[c>>4], hex[c&0xf])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// validName reports whether a header's name is a token (RFC 9110, 5.6.2).
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// ParseMessage reads what [Message.Append] wrote. Body is a part of payload.
func ParseMessage(payload []byte) (*Message, error) {
	rawHead, body, ok := bytes.Cut(payload, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("the message has no end of its header")
	}
	line, head, _ := strings.Cut(string(rawHead), "\r\n")
	line, isPost := strings.CutPrefix(line, "POST ")
	uri, isHTTP := strings.CutSuffix(line, " HTTP/1.1")
	if !isPost || !isHTTP || !strings.HasPrefix(uri, "/") {
		return nil, errors.New("the message does not begin with a request line")
	}
	m := &Message{URI: uri, Header: make(http.Header), Body: body}
	length := ""
	values := make([]string, 0, 1+strings.Count(head, "\n")) // one allocation for all
	for head != "" {
		line, head, _ = strings.Cut(head, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !validName(name) {
			return nil, errors.New("the message has a malformed header")
		}
		name, value = textproto.CanonicalMIMEHeaderKey(name), textproto.TrimString(value)
		switch name {
		case "Host":
			m.Host = value
		case "Content-Length":
			length = value
		case remoteAddrHeader:
			m.RemoteAddr = value
		default:
			if former := m.Header[name]; former != nil {
				m.Header[name] = append(former, value)
				continue
			}
			values = append(values, value)
			m.Header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	if length != strconv.Itoa(len(body)) {
		return nil, errors.New("the message's body does not have its Content-Length")
	}
	return m, nil
}

// StripQuery removes the parameters Sign and RequestTime, which must not be
// stored, from a URL's raw query. Names are read as [profile.ParseQuery] reads
// them, whatever their case and percent-encoding; all else stays byte for byte.
func StripQuery(rawQuery string) string {
	var kept strings.Builder
	kept.Grow(len(rawQuery))
	first := true
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if secretParameter(pair) {
			continue
		}
		if !first {
			kept.WriteByte('&')
		}
		kept.WriteString(pair)
		first = false
	}
	return kept.String()
}

func secretParameter(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	if strings.ContainsAny(name, "%+") {
		var err error
		if name, err = url.QueryUnescape(name); err != nil {
			return false // no callback: ParseQuery refuses the whole query
		}
	}
	return strings.EqualFold(name, "Sign") || strings.EqualFold(name, "RequestTime")
}
