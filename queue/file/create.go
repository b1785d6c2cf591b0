package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// create creates the file, if there is none, and missing folders with mode 0700. It makes the name
// of the file durable, for which the folder must be synced as well as the file.
func create(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("creating the folder of the queue: %w", err)
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		// this comes before the file is created: so if there is a file, all folders above
		// its own are known to be durable
		for above := folder; above != filepath.Dir(above); above = filepath.Dir(above) {
			if err := syncFolder(filepath.Dir(above)); err != nil {
				return err
			}
		}
		if err := createFile(path); err != nil {
			return fmt.Errorf("creating the queue file %s: %w", path, err)
		}
	}
	return syncFolder(folder)
}

// createFile lets bbolt write the file under another name first. Otherwise a power cut could leave
// a half-written file, which would look damaged.
func createFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	name := f.Name()
	defer os.Remove(name)
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(name, 0o600, &bolt.Options{NoFreelistSync: true})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	// unlike a rename, a link does not replace a file that another process has created meanwhile
	if err := os.Link(name, path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// if the file system has no links, bbolt writes the file in place when it is opened
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// syncFolder makes the names in a folder durable. It does nothing if the system cannot do that, or
// if the folder may not be read.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the folder of the queue: %w", err)
	}
	defer folder.Close()
	err = folder.Sync()
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("syncing the folder of the queue: %w", err)
	}
	return nil
}
