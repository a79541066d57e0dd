package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/llmhubd/llmhub/store"
)

// write runs do in a transaction, which ends with it: kept when it returned nil.
func (s *Store) write(ctx context.Context, what string, do func(*sql.Tx) error) error {
	tx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(what, err)
	}
	defer tx.Rollback() // does nothing after Commit
	if err := do(tx); err != nil {
		return s.fail(what, err)
	}
	return s.fail(what, tx.Commit())
}

// one runs a statement that must change a row: [store.ErrNotFound] if it did not.
func (s *Store) one(ctx context.Context, what, query string, args ...any) error {
	n, err := affected(s.w.ExecContext(ctx, query, args...))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return s.fail(what, err)
}

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// fail says what was being done, in the errors that the contract names.
func (s *Store) fail(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows), s.d.isForeign(err):
		err = store.ErrNotFound
	case s.d.isUnique(err):
		err = store.ErrExists
	}
	return fmt.Errorf("%s: %w", what, err)
}

// scanner is a row or the current one of rows.
type scanner interface{ Scan(dest ...any) error }

// list reads all rows of a query.
func list[T any](ctx context.Context, s *Store, what string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail(what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, s.fail(what, err)
		}
		all = append(all, v)
	}
	return all, s.fail(what, rows.Err())
}
