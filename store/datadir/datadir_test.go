package datadir_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/llmhubd/llmhub/store/datadir"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestSecondOpenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "data")
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(path); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("second Open = %v, want %v", err, datadir.ErrLocked)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path)
	if err != nil {
		t.Fatalf("Open after Close = %v, want nil", err)
	}
	again.Close()
}

// TestHolder is the other process of TestOtherProcess.
func TestHolder(t *testing.T) {
	path := os.Getenv("DATADIR_HOLD")
	if path == "" {
		t.Skip("only in another process")
	}
	if _, err := datadir.Open(path); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("held\n")
	bufio.NewReader(os.Stdin).ReadByte() // until it is killed
}

func TestOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	cmd.Env = append(os.Environ(), "DATADIR_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("other process said %q, %v, want held", line, err)
	}
	if _, err := datadir.Open(path); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("Open of a folder that another process has = %v, want %v", err, datadir.ErrLocked)
	}
	cmd.Process.Kill()
	cmd.Wait()
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatalf("Open after the other process was killed = %v, want nil", err)
	}
	d.Close()
}

func TestNobodyElseMayEnter(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	for _, tt := range []struct {
		name  string
		setup func(path string) error
		ok    bool
	}{
		{"a folder that is not there is made", func(string) error { return nil }, true},
		{"an empty one is closed to others", func(p string) error { return os.Mkdir(p, 0o755) }, true},
		{"an old data folder is closed to others", func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, "lock"), nil, 0o600), os.WriteFile(filepath.Join(p, "hub.db"), nil, 0o600))
		}, true},
		{"a private one with other files is taken", func(p string) error {
			return errors.Join(os.Mkdir(p, 0o700), os.WriteFile(filepath.Join(p, "x"), nil, 0o600))
		}, true},
		{"an open one with other files is refused", func(p string) error {
			return errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, "x"), nil, 0o600))
		}, false},
		{"a file is refused", func(p string) error { return os.WriteFile(p, nil, 0o600) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			if err := tt.setup(path); err != nil {
				t.Fatal(err)
			}
			d, err := datadir.Open(path)
			if (err == nil) != tt.ok {
				t.Fatalf("Open = %v, want ok %v", err, tt.ok)
			}
			if err != nil {
				return
			}
			defer d.Close()
			if got := mode(t, path); got != 0o700 {
				t.Errorf("mode of the folder = %o, want 700", got)
			}
			if got := mode(t, d.Path("lock")); got != 0o600 {
				t.Errorf("mode of the lock = %o, want 600", got)
			}
		})
	}
}

func TestWriteFile(t *testing.T) {
	d, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, text := range []string{"one", "two"} {
		if err := d.WriteFile("setup.token", []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(d.Path("setup.token"))
		if err != nil || string(got) != text {
			t.Errorf("WriteFile(%q) left %q, %v, want %q", text, got, err, text)
		}
	}
	if got := mode(t, d.Path("setup.token")); got != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode of a file = %o, want 600", got)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", ".x"} {
		if err := d.WriteFile(name, nil); err == nil {
			t.Errorf("WriteFile(%q) = nil, want an error", name)
		}
	}
	all, err := os.ReadDir(d.Path())
	if err != nil || len(all) != 2 {
		t.Errorf("folder holds %v, %v, want lock and setup.token", all, err)
	}
}
