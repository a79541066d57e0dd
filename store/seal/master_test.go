package seal_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/store/seal"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	key, created, err := seal.LoadOrCreateKey(path)
	if err != nil || !created || len(key) != seal.KeySize {
		t.Fatalf("LoadOrCreateKey(new) = %d bytes, created %v, %v, want 32, true, nil", len(key), created, err)
	}
	again, created, err := seal.LoadOrCreateKey(path)
	if err != nil || created || !bytes.Equal(again, key) {
		t.Errorf("LoadOrCreateKey(there) = same %v, created %v, %v, want the same key", bytes.Equal(again, key), created, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode of a new key file = %o, want 600", got)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := seal.LoadOrCreateKey(path); err == nil {
			t.Errorf("LoadOrCreateKey(mode %o) = nil, want an error", mode)
		}
	}
}

func TestParseKey(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb}, seal.KeySize)
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"padded":            {base64.StdEncoding.EncodeToString(key), true},
		"without padding":   {base64.RawStdEncoding.EncodeToString(key), true},
		"with a line's end": {base64.StdEncoding.EncodeToString(key) + "\r\n", true},
		"empty":             {"", false},
		"a byte short":      {base64.StdEncoding.EncodeToString(key[1:]), false},
		"a byte long":       {base64.StdEncoding.EncodeToString(append(key, 1)), false},
		"no base64":         {strings.Repeat("!", 44), false},
	} {
		got, err := seal.ParseKey([]byte(tt.text))
		if (err == nil) != tt.ok || tt.ok && !bytes.Equal(got, key) {
			t.Errorf("%s: ParseKey = %d bytes, %v, want ok %v", name, len(got), err, tt.ok)
		}
		if err != nil && tt.text != "" && strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error shows the key", name)
		}
	}
}

func TestEmptyKeyFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := seal.LoadOrCreateKey(path); err == nil {
		t.Error("LoadOrCreateKey(empty file) = nil, want an error")
	}
}
