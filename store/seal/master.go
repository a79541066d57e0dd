package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// ParseKey reads a master key from its base64, with or without padding and a
// line's end.
func ParseKey(text []byte) ([]byte, error) {
	text = bytes.TrimRight(bytes.TrimSpace(text), "=")
	key := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(key, text)
	if err != nil || n != KeySize {
		return nil, fmt.Errorf("master key is not the base64 of %d bytes", KeySize)
	}
	return key, nil
}

// LoadKey reads a master key from a file, which nobody but its owner may read.
func LoadKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("read master key: others may read %s (mode %04o): make it 0600", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// LoadOrCreateKey reads a master key from a file or, when there is none, makes
// one there: then created is true, and whoever runs the program should hear that
// losing this file is losing every sealed value.
func LoadOrCreateKey(path string) (key []byte, created bool, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		key, err = LoadKey(path)
		return key, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("make master key: %w", err)
	}
	key = make([]byte, KeySize)
	rand.Read(key) // never fails (crypto/rand)
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		// Half a key must not be taken for one at the next start.
		return nil, false, errors.Join(fmt.Errorf("make master key: %w", err), os.Remove(path))
	}
	return key, true, nil
}
