package faulttest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
)

// sector is how many bytes a disk writes completely or not at all.
const sector = 512

// disk simulates a disk with one file. A write is durable when a sync of the file has returned that
// began after the write. Of later writes, a power cut keeps or drops each sector separately. A new
// file or folder is durable when the folder that it is in was synced.
type disk struct {
	path     string
	now      int // the number of the current moment
	image    []byte
	size     int64
	changes  []*change
	created  bool
	names    map[string]int // new files and folders that are not durable, with the moment of their creation
	syncs    map[*call]int
	distrust func(m moment, now int) bool // returns true for a sync that does nothing, or a write that is lost; optional
}

// change is a write to the file, or a change of its size, that is not durable yet.
type change struct {
	of   *call
	at   int64
	data []byte
	size int64 // the file then has at least this size
	done int   // the moment when the call returned, or 0
}

func newDisk(path string) *disk {
	return &disk{path: path, names: make(map[string]int), syncs: make(map[*call]int)}
}

// process applies the next moment. It returns an error for a call that it cannot simulate.
func (d *disk) process(m moment) error {
	d.now++
	switch m.name {
	case "read", "write", "writev":
		if m.name == "read" || !d.isFile(m.on) {
			return nil
		}
	case "openat", "mkdirat", "linkat":
		d.noteName(m)
		return nil
	case "mmap":
		if !m.touches(d.path) || !strings.Contains(m.args[2], "PROT_WRITE") || !strings.Contains(m.args[3], "MAP_SHARED") {
			return nil
		}
	case "fsync", "fdatasync":
		d.noteSync(m)
		return nil
	case "pwrite64", "ftruncate":
		if !d.isFile(m.on) {
			return nil
		}
		if m.returned {
			return d.noteReturn(m)
		}
		if d.distrust != nil && d.distrust(m, d.now) {
			return nil
		}
		c := &change{of: m.call, data: m.data, size: m.number(1)}
		if m.name == "pwrite64" {
			c.at = m.number(3)
			c.size = c.at + int64(len(c.data))
		} else if c.size < d.size {
			return fmt.Errorf("the file is shortened: %s", m)
		}
		if c.at < 0 || c.size < 0 {
			return fmt.Errorf("the offset or the size is unreadable: %s", m)
		}
		d.changes = append(d.changes, c)
		return nil
	case "unlinkat":
		if m.target(1) != d.path {
			return nil
		}
	default:
		if !m.touches(d.path) {
			return nil
		}
	}
	return fmt.Errorf("the disk cannot simulate this change of the file: %s", m)
}

func (d *disk) noteReturn(m moment) error {
	if !m.succeeded() {
		return fmt.Errorf("the call failed, so it is unknown what it has written: %s", m)
	}
	for _, c := range d.changes {
		if c.of == m.call {
			c.done = d.now
		}
	}
	return nil
}

// noteName records a new file or folder. The file may first be written under another name, which begins
// with its own.
func (d *disk) noteName(m moment) {
	if !m.returned || !m.succeeded() {
		return
	}
	name := m.target(1)
	switch m.name {
	case "openat":
		if name != d.path || d.created || !strings.Contains(m.args[2], "O_CREAT") {
			return
		}
		d.created, d.image, d.size, d.changes = true, nil, 0, nil
	case "linkat":
		if name = m.target(3); name != d.path {
			return
		}
		d.created = true
	case "mkdirat":
		if !strings.HasPrefix(d.path, name+"/") {
			return
		}
	}
	d.names[name] = d.now
}

// isFile reports whether a path is that of the file, under its own or its first name.
func (d *disk) isFile(path string) bool {
	return path == d.path || !d.created && strings.HasPrefix(path, d.path+".")
}

func (d *disk) noteSync(m moment) {
	if !m.returned {
		d.syncs[m.call] = d.now
		return
	}
	began := d.syncs[m.call]
	if delete(d.syncs, m.call); !m.succeeded() || d.distrust != nil && d.distrust(m, began) {
		return
	}
	synced := m.on
	for name, at := range d.names {
		if filepath.Dir(name) == synced && at < began {
			delete(d.names, name)
		}
	}
	if !d.isFile(synced) {
		return
	}
	rest := d.changes[:0:0]
	for _, c := range d.changes {
		if c.done == 0 || c.done > began {
			rest = append(rest, c)
			continue
		}
		d.image = c.apply(d.image, func(int) bool { return true })
		d.size = max(d.size, c.size)
	}
	d.changes = rest
}

// apply writes the sectors of a change for which kept returns true.
func (c *change) apply(image []byte, kept func(sector int) bool) []byte {
	if n := c.at + int64(len(c.data)) - int64(len(image)); n > 0 && len(c.data) > 0 {
		image = append(image, make([]byte, n)...)
	}
	for from := 0; from < len(c.data); {
		to := min(from+sector-int(c.at+int64(from))%sector, len(c.data))
		if kept(from / sector) {
			copy(image[int(c.at)+from:], c.data[from:to])
		}
		from = to
	}
	return image
}

// remains is the file as a power cut leaves it.
type remains struct {
	gone  bool
	image []byte // zeros follow, up to size
	size  int64
	how   string
}

// fates are what can happen to changes that were not synced.
var fates = []string{"all dropped", "all kept", "some writes kept", "writes torn", "sectors kept", "only the last kept", "only the last dropped"}

// cut returns the file as a power cut at the current moment leaves it.
func (d *disk) cut(r *rand.Rand, fate string) *remains {
	left := &remains{how: fate, image: append([]byte(nil), d.image...), size: d.size}
	if !d.created || len(d.names) > 0 && fate != "all kept" && (fate == "all dropped" || r.IntN(2) == 0) {
		left.gone = true
		return left
	}
	share := r.Float64() // of the sectors that are kept
	for i, c := range d.changes {
		last := i == len(d.changes)-1
		sectors := (len(c.data) + sector - 1) / sector
		tear, upper := r.IntN(sectors+1), r.IntN(2) == 0
		whole := r.IntN(2) == 0
		left.image = c.apply(left.image, func(n int) bool {
			switch fate {
			case "all kept":
				return true
			case "some writes kept":
				return whole
			case "writes torn":
				return (n >= tear) == upper
			case "sectors kept":
				return r.Float64() < share
			case "only the last kept":
				return last
			case "only the last dropped":
				return !last
			}
			return false
		})
	}
	// a disk may keep the size of a file without its data
	sizes := len(d.changes)
	switch fate {
	case "all kept":
	case "all dropped":
		sizes = 0
	default:
		sizes = r.IntN(sizes + 1)
	}
	for _, c := range d.changes[:sizes] {
		left.size = max(left.size, c.size)
	}
	left.image = left.image[:min(int64(len(left.image)), left.size)]
	return left
}

// String says which changes are not durable, for the message of a failed test.
func (d *disk) String() string {
	text := fmt.Sprintf("%d bytes are durable", d.size)
	for _, c := range d.changes {
		text += fmt.Sprintf("; %s of %d bytes at %d is not", c.of.name, len(c.data), c.at)
	}
	for name := range d.names {
		text += "; nor is the name " + filepath.Base(name)
	}
	return text
}
