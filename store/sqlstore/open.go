// Package sqlstore is a [store.Store] in an SQL database.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/store"
)

// Config of a Store. URL is required.
type Config struct {
	// URL is "sqlite://" and the path of a file, which is made when it is not
	// there: "sqlite://./llmhub-data/hub.db".
	URL     string
	Readers int              // connections that only read; 0: 4
	Now     func() time.Time // nil: time.Now
}

// Store keeps everything in one database. It is safe for concurrent use.
type Store struct {
	w, r    *sql.DB // one connection that writes, a few that read
	d       dialect
	now     func() time.Time
	appends []usageInsert
}

var _ store.Store = (*Store)(nil)

// dialect is what databases do not agree on.
type dialect struct {
	name      string // of goose, and of the folder with its migrations
	forUpdate string // ends a SELECT whose rows the transaction will change
	// placeholder is the n-th parameter of a bulk statement; elsewhere all read $n.
	placeholder func(n int) string
	isUnique    func(error) bool // the error is about a unique column
	isForeign   func(error) bool // the error is about a row that is not there
}

// Open opens the database and brings its schema up to date. It refuses a schema
// newer than the ones it knows. Close the store when done.
func Open(ctx context.Context, c Config) (*Store, error) {
	scheme, path, ok := strings.Cut(c.URL, "://")
	if !ok || scheme != "sqlite" {
		// The URL itself may hold a password.
		return nil, fmt.Errorf("open database: URL has scheme %q, want sqlite://path", scheme)
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s, err := openSQLite(path, c)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	if err := migrate(ctx, s.w, s.d.name); err != nil {
		return err
	}
	var err error
	s.appends, err = prepareUsageInserts(ctx, s.w, s.d)
	return err
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	const one = `SELECT 1`
	var n int
	if err := s.r.QueryRowContext(ctx, one).Scan(&n); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Close ends the connections. What is under way is waited for.
func (s *Store) Close() error {
	return errors.Join(closeUsageInserts(s.appends), s.r.Close(), s.w.Close())
}
