package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var sqliteDialect = dialect{
	name: "sqlite",
	// A writer holds the database from BEGIN IMMEDIATE on: rows need no lock.
	forUpdate: "",
	// Binding $n by its name costs more than writing the value.
	placeholder: func(int) string { return "?" },
	isUnique: func(err error) bool {
		return isSQLite(err, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
	},
	isForeign: func(err error) bool { return isSQLite(err, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY) },
}

func isSQLite(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code() == code {
			return true
		}
	}
	return false
}

func openSQLite(path string, c Config) (*Store, error) {
	if path == "" || path == ":memory:" || strings.ContainsAny(path, "?#\x00") {
		return nil, fmt.Errorf("%q is not the path of a file", path)
	}
	if err := ownFile(path); err != nil {
		return nil, err
	}
	w, err := sql.Open("sqlite", sqliteDSN(path, "immediate", ""))
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	r, err := sql.Open("sqlite", sqliteDSN(path, "deferred", "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	r.SetMaxOpenConns(c.Readers)
	r.SetMaxIdleConns(c.Readers)
	return &Store{w: w, r: r, d: sqliteDialect, now: c.Now}, nil
}

// ownFile makes the database file, or takes it from everybody else, before
// SQLite opens it; the write-ahead log gets the same mode from SQLite.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o600)
}

// sqliteDSN names a connection. busy_timeout comes first: the others may wait.
func sqliteDSN(path, lock, more string) string {
	q := url.Values{"_txlock": {lock}, "_dqs": {"0"}, "_pragma": {
		"busy_timeout(5000)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
		"trusted_schema(0)",
		"temp_store(MEMORY)",
		"journal_size_limit(" + strconv.Itoa(64<<20) + ")",
	}}
	if more != "" {
		q.Add("_pragma", more)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}
