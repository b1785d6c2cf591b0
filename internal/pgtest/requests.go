package pgtest

import (
	"bytes"
	"encoding/binary"
)

// requests reads what a client says to a server, in PostgreSQL's protocol, for the
// statements that it executes.
type requests struct {
	pending    []byte
	started    bool // there are only messages with a type from now on
	opaque     bool // what follows is encrypted, or something else
	statements map[string]string
	portals    map[string]string
}

// Codes in place of the protocol's version, with which clients ask for encryption. They
// start anew if the server refuses it.
const (
	askTLS = 80877103
	askGSS = 80877104
)

// read reads the next bytes and returns the statements that they complete: their SQL
// and their parameters.
func (r *requests) read(b []byte) (executed []string) {
	r.pending = append(r.pending, b...)
	for !r.opaque {
		header := 1 // the type is before the length
		if !r.started {
			header = 0
		}
		if len(r.pending) < header+4 {
			break
		}
		length := int(binary.BigEndian.Uint32(r.pending[header:]))
		if length < 4 || length > 1<<30 || !r.started && r.pending[0] != 0 {
			r.opaque = true
			break
		}
		if len(r.pending) < header+length {
			break
		}
		message, body := r.pending[0], r.pending[header+4:header+length]
		if r.started {
			executed = append(executed, r.message(message, body)...)
		} else if len(body) >= 4 {
			code := binary.BigEndian.Uint32(body)
			r.started = code != askTLS && code != askGSS
		}
		r.pending = r.pending[header+length:]
	}
	if r.opaque {
		r.pending = nil
	}
	return executed
}

// message reads a message and returns the statement that it executes, if any.
func (r *requests) message(kind byte, body []byte) []string {
	word := func() string {
		word, rest, _ := bytes.Cut(body, []byte{0})
		body = rest
		return string(word)
	}
	switch kind {
	case 'Q': // a simple query
		return []string{word()}
	case 'P': // prepare
		set(&r.statements, word(), word())
	case 'B': // bind parameters
		portal, sql := word(), r.statements[word()]
		set(&r.portals, portal, sql+"\x00"+string(body))
	case 'E': // execute
		return []string{r.portals[word()]}
	}
	return nil
}

func set(m *map[string]string, key, value string) {
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[key] = value
}
