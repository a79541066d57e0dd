// Package datadir holds the folder that a server keeps its data in.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrLocked is what a second process hears.
var ErrLocked = errors.New("another process uses this data folder")

// lockName is the file whose lock stands for the folder.
const lockName = "lock"

// Dir is a folder that no other process has, nor may read.
type Dir struct {
	path string
	lock *os.File
}

// Open takes the folder at path, making it (0700) when it is not there. One that
// others may enter is closed to them when it is empty or has been a data folder
// before, else refused: it may hold things of other people. While it is open, a
// second Open of it fails with [ErrLocked], in this process and in any other.
// The end of the process, however it comes, lets go of it.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open data folder %s: %w", path, err)
	}
	f, err := lock(filepath.Join(path, lockName))
	if err != nil {
		return nil, fmt.Errorf("open data folder %s: %w", path, err)
	}
	return &Dir{path, f}, nil
}

func private(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	ours, err := isOurs(path)
	if err != nil {
		return err
	}
	if !ours {
		return fmt.Errorf("others may enter it (mode %04o) and it holds other files: make it 0700 or name another", info.Mode().Perm())
	}
	return os.Chmod(path, 0o700)
}

// isOurs reports whether a folder is empty or has a lock file.
func isOurs(path string) (bool, error) {
	if _, err := os.Lstat(filepath.Join(path, lockName)); !errors.Is(err, fs.ErrNotExist) {
		return err == nil, err
	}
	all, err := os.ReadDir(path)
	return len(all) == 0, err
}

// Path is the path of a file in the folder; of the folder itself with no name.
func (d *Dir) Path(name ...string) string {
	return filepath.Join(append([]string{d.path}, name...)...)
}

// WriteFile makes or replaces a file that only its owner may read. A reader sees
// the old bytes or the new ones, whatever happens between.
func (d *Dir) WriteFile(name string, data []byte) error {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("write %q: not the name of a file in the data folder", name)
	}
	f, err := os.CreateTemp(d.path, "."+name+"-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), d.Path(name))
}

// Close lets go of the folder. A second Close does nothing.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	f := d.lock
	d.lock = nil
	return f.Close()
}
