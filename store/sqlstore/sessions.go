package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/llmhubd/llmhub/store"
)

const sessionColumns = `id, user_id, generation, used, user_agent, ip, created_at, rotated_at, expires_at`

func scanSession(r scanner) (v store.Session, err error) {
	err = r.Scan(&v.ID, &v.UserID, &v.Generation, &v.Used, &v.UserAgent, &v.IP,
		instant{&v.CreatedAt}, instant{&v.RotatedAt}, instant{&v.ExpiresAt})
	return v, err
}

// CreateSession adds a session: [store.ErrNotFound] when there is no such user.
func (s *Store) CreateSession(ctx context.Context, v store.Session) error {
	const insert = `INSERT INTO sessions (` + sessionColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	_, err := s.w.ExecContext(ctx, insert, v.ID, v.UserID, v.Generation, bit(v.Used), v.UserAgent, v.IP,
		nanos(v.CreatedAt), nanos(v.RotatedAt), nanos(v.ExpiresAt))
	return s.fail("create session", err)
}

const sessionByID = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = $1`

// Session returns a session, expired or not.
func (s *Store) Session(ctx context.Context, id string) (store.Session, error) {
	v, err := scanSession(s.r.QueryRowContext(ctx, sessionByID, id))
	return v, s.fail("read session", err)
}

// UpdateSession changes a session.
func (s *Store) UpdateSession(ctx context.Context, id string, change func(*store.Session) error) (v store.Session, err error) {
	const update = `UPDATE sessions SET user_id = $2, generation = $3, used = $4, user_agent = $5, ip = $6, created_at = $7, rotated_at = $8, expires_at = $9
WHERE id = $1`
	err = s.write(ctx, "update session", func(tx *sql.Tx) error {
		if v, err = scanSession(tx.QueryRowContext(ctx, sessionByID+s.d.forUpdate, id)); err != nil {
			return err
		}
		if err := change(&v); err != nil {
			return err
		}
		v.ID = id
		_, err := tx.ExecContext(ctx, update, id, v.UserID, v.Generation, bit(v.Used), v.UserAgent, v.IP,
			nanos(v.CreatedAt), nanos(v.RotatedAt), nanos(v.ExpiresAt))
		return err
	})
	if err != nil {
		return store.Session{}, err
	}
	return v, nil
}

// ListSessions returns a user's sessions, the newest first.
func (s *Store) ListSessions(ctx context.Context, userID string) ([]store.Session, error) {
	const ofUser = `SELECT ` + sessionColumns + ` FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC`
	return list(ctx, s, "list sessions", scanSession, ofUser, userID)
}

// DeleteSession ends a session: [store.ErrNotFound] when there is none.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	const remove = `DELETE FROM sessions WHERE id = $1`
	return s.one(ctx, "delete session", remove, id)
}

// DeleteSessions ends all of a user's sessions but the one named keep.
func (s *Store) DeleteSessions(ctx context.Context, userID, keep string) error {
	const remove = `DELETE FROM sessions WHERE user_id = $1 AND id <> $2`
	_, err := s.w.ExecContext(ctx, remove, userID, keep)
	return s.fail("delete sessions", err)
}

// DeleteExpiredSessions ends the sessions whose ExpiresAt is now or before.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) error {
	const remove = `DELETE FROM sessions WHERE expires_at <= $1`
	_, err := s.w.ExecContext(ctx, remove, nanos(now))
	return s.fail("delete expired sessions", err)
}
