package queuetest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// image is what the files of a store hold: the blocks that are not all zeros,
// for a file may be large and mostly holes, and "" at the end of each file.
type image map[place]string

type place struct {
	file string
	at   int64
}

const blockSize = 64 << 10

var zeros = strings.Repeat("\x00", blockSize)

// crash opens what a crash at this moment would leave. The store goes on.
func (b *bed) crash() *bed {
	b.Helper()
	return b.opened(b.image())
}

// image reads the store's files as they were at one moment: until nothing was
// written from one reading to the next.
func (b *bed) image() image {
	b.Helper()
	var last image
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		m := make(image)
		err := filepath.WalkDir(b.dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return m.read(b.dir, name)
		})
		if err == nil && last != nil && maps.Equal(m, last) {
			return m
		}
		last = m
	}
	b.Fatal("the store never stops writing")
	return nil
}

func (m image) read(dir, name string) error {
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, blockSize)
	for at := int64(0); ; {
		if runtime.GOOS == "linux" { // elsewhere holes are read as zeros, which takes longer
			const seekData = 3
			if at, err = f.Seek(at, seekData); errors.Is(err, syscall.ENXIO) {
				at, err = f.Seek(0, io.SeekEnd)
			}
			if err != nil {
				return err
			}
		}
		n, err := io.ReadFull(f, buf)
		if string(buf[:n]) != zeros[:n] {
			m[place{rel, at}] = string(buf[:n])
		}
		if at += int64(n); err == io.EOF || err == io.ErrUnexpectedEOF {
			m[place{rel, at}] = ""
			return nil
		} else if err != nil {
			return err
		}
	}
}

// opened opens a store of other files than this one's.
func (b *bed) opened(m image) *bed {
	b.Helper()
	c := *b
	c.dir = b.TempDir()
	for p, data := range m {
		if err := p.write(c.dir, data); err != nil {
			b.Fatal(err)
		}
	}
	c.open()
	return &c
}

func (p place) write(dir, data string) error {
	name := filepath.Join(dir, p.file)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if data == "" {
		err = f.Truncate(p.at)
	} else {
		_, err = f.WriteAt([]byte(data), p.at)
	}
	return errors.Join(err, f.Close())
}
