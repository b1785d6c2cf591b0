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

// image is a copy of the files of a store. It has only the blocks that are not all zeros, since a
// file may be large and mostly empty, and an empty string at the end of each file.
type image map[place]string

type place struct {
	file string
	at   int64
}

const blockSize = 64 << 10

var zeros = strings.Repeat("\x00", blockSize)

// image reads the files of the store as they are at one moment. For that it reads them again and
// again, until they have not changed from one reading to the next.
func (b *bed) image() image {
	b.Helper()
	var last image
	for deadline := time.Now().Add(b.patience()); time.Now().Before(deadline); {
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
		if runtime.GOOS == "linux" { // on other systems holes are read as zeros, which takes longer
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

// opened opens another store, with the files of an image.
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
