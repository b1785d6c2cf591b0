package delivery

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Message is what a queue keeps of a callback: the request as it was received, without the
// parameters that authenticate it.
type Message struct {
	Host       string
	URI        string      // path and query, without Sign and RequestTime
	RawQuery   string      // is written after URI, without Sign and RequestTime; "" after reading
	RemoteAddr string      // the client's address, for X-Forwarded-For; may be empty
	Header     http.Header // Content-Type and the trace context
	Body       []byte

	// Prepared says that the message is of an older version, and is delivered as it is: its
	// body may be normalized already, and Header has the ce-* headers.
	Prepared bool
}

// The words with which a stored message begins.
const (
	// asReceived begins a message that [Message.Append] writes. Older versions of the module
	// cannot read it, so they do not deliver it as if it were prepared.
	asReceived = "CALLBACK "

	// asPrepared begins a message of an older version.
	asPrepared = "POST "
)

// remoteAddrHeader is the header with the RemoteAddr. A header of the callback cannot replace it, since
// Append leaves out headers with reserved names.
const remoteAddrHeader = "Tim-Callback-Remote-Addr"

// reserved reports whether the stored form of a message uses a header with this name for itself.
func reserved(canonicalName string) bool {
	switch canonicalName {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", remoteAddrHeader:
		return true
	}
	return false
}

// Append appends the message to dst, in the form of an HTTP/1.1 request whose method is CALLBACK, with the
// headers of Header sorted by name.
// No value in the message can add a header or a second request. Control characters are replaced by
// spaces in header values, and percent-encoded in the URI, as are spaces. Headers with a malformed or
// reserved name are left out.
func (m *Message) Append(dst []byte) []byte {
	dst = append(dst, asReceived...)
	if !strings.HasPrefix(m.URI, "/") {
		dst = append(dst, '/')
	}
	dst = appendURI(dst, m.URI)
	if m.RawQuery != "" {
		dst = append(dst, '?')
		start := len(dst)
		if dst = callback.AppendStripped(dst, m.RawQuery); len(dst) == start {
			dst = dst[:start-1]
		} else {
			dst = escapeFrom(dst, start)
		}
	}
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendHeader(dst, "Host", m.Host)
	if m.RemoteAddr != "" {
		dst = appendHeader(dst, remoteAddrHeader, m.RemoteAddr)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(m.Body)), 10)
	dst = append(dst, "\r\n"...)

	names := make([]string, 0, 16) // on the stack
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

// escapeFrom escapes what was appended from start on as appendURI does.
func escapeFrom(dst []byte, start int) []byte {
	if needsNoEscape(dst[start:]) {
		return dst
	}
	return appendURI(dst[:start], string(dst[start:]))
}

// needsNoEscape reports whether there is nothing to escape. It looks at eight bytes at a time,
// since it runs for every event that is stored.
func needsNoEscape(text []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(text) >= 8; text = text[8:] {
		x := binary.LittleEndian.Uint64(text)
		del := x ^ ones*0x7f
		if (x-ones*(' '+1))&^x&highs != 0 || (del-ones)&^del&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// validName reports whether a header name is a token as in RFC 9110, section 5.6.2.
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

// ParseMessage parses a message that [Message.Append] or an older version has written. The body
// shares the memory of payload. It returns an error if the payload is not such a message.
func ParseMessage(payload []byte) (*Message, error) {
	rawHead, body, ok := bytes.Cut(payload, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("the end of the message's header is missing")
	}
	line, head, _ := strings.Cut(string(rawHead), "\r\n")
	line, received := strings.CutPrefix(line, asReceived)
	line, prepared := strings.CutPrefix(line, asPrepared)
	uri, isHTTP := strings.CutSuffix(line, " HTTP/1.1")
	if received == prepared || !isHTTP || !strings.HasPrefix(uri, "/") {
		return nil, errors.New("the message does not begin with a request line")
	}
	m := &Message{URI: uri, Header: make(http.Header), Body: body, Prepared: prepared}
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
		return nil, errors.New("the length of the message's body is not its Content-Length")
	}
	return m, nil
}
