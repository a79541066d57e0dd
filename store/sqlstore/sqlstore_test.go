package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/sqlstore"
	"github.com/llmhubd/llmhub/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

func TestNobodyElseMayReadTheFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	path := filepath.Join(t.TempDir(), "hub.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hub.db", "new.db"} {
		s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: "sqlite://" + filepath.Join(filepath.Dir(path), name)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(all) < 6 {
		t.Fatalf("folder holds %v, %v, want two databases, each with its log and its index", all, err)
	}
	for _, f := range all {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %s = %o, want 600", f.Name(), got)
		}
	}
}

func TestOpenAgainKeepsWhatIsThere(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "with space %41 #.db")
	if runtime.GOOS == "windows" {
		t.Skip("no such name")
	}
	if _, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url}); err == nil {
		t.Error("Open of a path with # = nil, want an error")
	}
	url = strings.Replace(url, "#", "x", 1)
	for i := range 3 {
		s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.InitSetting(t.Context(), "a", fmt.Append(nil, i)); err != nil || string(got) != "0" {
			t.Errorf("setting at start %d = %q, %v, want 0", i, got, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(strings.TrimPrefix(url, "sqlite://")); err != nil {
		t.Errorf("the database is elsewhere: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "hub.db")
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: "sqlite://" + newer})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO store_version (version_id, is_applied) VALUES (9000, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ url, says string }{
		"another database": {"postgres://user:hunter2@db/hub", `scheme "postgres"`},
		"no URL":           {"", "sqlite://path"},
		"no path":          {"sqlite://", "not the path of a file"},
		"memory":           {"sqlite://:memory:", "not the path of a file"},
		"parameters":       {"sqlite://hub.db?mode=memory", "not the path of a file"},
		"a folder":         {"sqlite://" + t.TempDir(), "is not a file"},
		"no folder":        {"sqlite://" + filepath.Join(t.TempDir(), "x", "hub.db"), "no such file"},
		"a text":           {"sqlite://" + text, "not a database"},
		"a newer schema":   {"sqlite://" + newer, "schema version 9000"},
	} {
		s, err := sqlstore.Open(context.Background(), sqlstore.Config{URL: tt.url})
		if err == nil {
			s.Close()
			t.Errorf("%s: Open = nil, want an error", name)
			continue
		}
		if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: Open = %v, want it to say %q and no password", name, err, tt.says)
		}
	}
}
