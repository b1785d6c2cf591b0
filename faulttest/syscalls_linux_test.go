package faulttest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tracedCalls are the system calls that can change files and folders, make them durable, or
// exchange data over connections.
var tracedCalls = []string{
	"openat", "mkdirat", "ftruncate", "fallocate", "pwrite64", "pwritev", "pwritev2", "mmap",
	"fsync", "fdatasync", "sync_file_range", "msync", "copy_file_range", "sendfile", "splice",
	"renameat", "renameat2", "linkat", "unlinkat", "read", "write", "writev",
}

// mostTraced is how many bytes of a call's data are recorded. This must be enough for all data of a
// write. Of a read, only the beginning of an answer matters.
const mostTraced = 256 << 10

// recordFromNextStart makes the server run under strace from its next start on. The trace has all calls
// with their data.
func (s *server) recordFromNextStart(args ...string) (trace string) {
	trace = filepath.Join(s.dir, fmt.Sprint("trace", s.run))
	if len(args) == 0 {
		args = []string{"--seccomp-bpf"} // this is faster, but does not allow injecting faults
	}
	s.wrap = strace(trace, append(args,
		"-yy", "-xx", "-s", strconv.Itoa(mostTraced), "-e", "trace="+strings.Join(tracedCalls, ","), "-e", "signal=KILL")...)
	return trace
}

// call is a system call of the traced process.
type call struct {
	name   string
	args   []string // as strace writes them
	result string   // begins with "?" if it did not return
	on     string   // the target of its first argument
	data   []byte   // what was written or read
}

// moment is the moment when a call begins, or when it returns.
type moment struct {
	*call
	returned bool
}

// readTrace reads the trace of the process with the ID pid, until that process ends. It returns the
// moments in the order in which they happened.
func readTrace(t *testing.T, trace string, pid int) (list []moment) {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pending := make(map[string]*call) // by thread
	r := bufio.NewReaderSize(f, 1<<20)
	var line strings.Builder
	for deadline := time.Now().Add(20 * time.Second); ; {
		part, err := r.ReadString('\n')
		line.WriteString(part)
		if errors.Is(err, io.EOF) {
			if time.Now().After(deadline) {
				t.Fatalf("the trace %s does not show the end of the process", trace)
			}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text := line.String()
		line.Reset()
		thread, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, "+++") {
			if c := pending[thread]; c != nil {
				list = append(list, moment{c, true})
			}
			delete(pending, thread)
			if thread == strconv.Itoa(pid) {
				return list
			}
			continue
		}
		moments, err := readCall(pending, thread, rest)
		if err != nil {
			t.Fatalf("%v in the trace's %.200q", err, text)
		}
		list = append(list, moments...)
	}
}

// readCall reads one line of the trace, which is about one thread.
func readCall(pending map[string]*call, thread, text string) ([]moment, error) {
	if rest, ok := strings.CutPrefix(text, "<... "); ok {
		c := pending[thread]
		_, rest, ok := strings.Cut(rest, " resumed>")
		if c == nil || !ok {
			return nil, errors.New("a call returns that has not begun")
		}
		delete(pending, thread)
		return []moment{{c, true}}, c.add(rest)
	}
	name, rest, ok := strings.Cut(text, "(")
	if !ok {
		return nil, errors.New("the line is not a call")
	}
	c := &call{name: name, result: "?"}
	begun := []moment{{c, false}}
	if args, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
		pending[thread] = c
		return begun, c.add(args)
	}
	return append(begun, moment{c, true}), c.add(rest)
}

// add adds a part of the text of a call. Strings in it have no commas or brackets, since strace
// writes each byte as a number.
func (c *call) add(text string) error {
	if args, result, ok := cutLast(text, " = "); ok {
		text, c.result = strings.TrimSuffix(strings.TrimRight(args, " "), ")"), result
	}
	for arg := range strings.SplitSeq(text, ", ") {
		if arg = strings.Trim(arg, " ,"); arg != "" {
			c.args = append(c.args, arg)
		}
	}
	c.on = c.target(0)
	switch c.name {
	case "read", "write", "pwrite64":
		if len(c.args) < 2 || c.data != nil || !strings.HasPrefix(c.args[1], `"`) {
			return nil
		}
		if strings.HasSuffix(c.args[1], "...") && c.name != "read" {
			return errors.New("the data are not complete")
		}
		c.data = unquote(c.args[1])
	}
	return nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// unquote decodes a string in which strace has written each byte like \x00.
func unquote(s string) []byte {
	s = strings.Trim(strings.TrimSuffix(s, "..."), `"`)
	b := make([]byte, 0, len(s)/4)
	for ; strings.HasPrefix(s, `\x`) && len(s) >= 4; s = s[4:] {
		b = append(b, hexDigit(s[2])<<4|hexDigit(s[3]))
	}
	return b
}

func hexDigit(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// target returns the file, or the two ends of the connection, that an argument names.
func (c *call) target(arg int) string {
	if arg >= len(c.args) {
		return ""
	}
	text := c.args[arg]
	if strings.HasPrefix(text, `"`) {
		return string(unquote(text))
	}
	_, text, _ = strings.Cut(text, "<")
	text = strings.TrimSuffix(text, ">")
	if strings.HasPrefix(text, `\x`) {
		return string(unquote(text))
	}
	return text
}

// touches reports whether an argument of the call names the file.
func (c *call) touches(path string) bool {
	for i, arg := range c.args {
		if (len(c.data) == 0 || i == 0) && strings.Contains(arg, `\x`) && strings.Contains(c.target(i), path) {
			return true
		}
	}
	return false
}

func (c *call) number(arg int) int64 {
	n, err := strconv.ParseInt(c.args[arg], 0, 64)
	if err != nil {
		return -1
	}
	return n
}

// succeeded reports whether the call has returned without an error. When a process is killed, strace
// may write an error as a large number.
func (c *call) succeeded() bool {
	return !strings.HasPrefix(c.result, "?") && !strings.HasPrefix(c.result, "-") && c.result != strconv.FormatUint(math.MaxUint64, 10)
}

// ports returns the two ports of a TCP connection: the server's own, and that of the other side.
func (c *call) ports() (own, other string) {
	text := c.on
	if !strings.HasPrefix(text, "TCP") {
		return "", ""
	}
	local, remote, _ := strings.Cut(strings.TrimSuffix(text, "]"), "->")
	return local[strings.LastIndexByte(local, ':')+1:], remote[strings.LastIndexByte(remote, ':')+1:]
}

func (m moment) String() string {
	args := make([]string, len(m.args))
	for i, arg := range m.args {
		if args[i] = arg; strings.HasPrefix(arg, `"`) && len(m.data) > 0 {
			args[i] = fmt.Sprintf("%d bytes", len(m.data))
		} else if strings.Contains(arg, `\x`) {
			args[i] = filepath.Base(m.target(i))
		}
	}
	if m.returned {
		return fmt.Sprintf("%s(%s) = %.20s", m.name, strings.Join(args, ", "), m.result)
	}
	return fmt.Sprintf("%s(%s) begins", m.name, strings.Join(args, ", "))
}
