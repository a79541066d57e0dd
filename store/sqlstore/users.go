package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/llmhubd/llmhub/store"
)

const userColumns = `id, email, password_hash, role, disabled, epoch, last_login, created_at`

func scanUser(r scanner) (u store.User, err error) {
	err = r.Scan(&u.ID, &u.Email, &u.PasswordHash, &u.Role, &u.Disabled, &u.Epoch, instant{&u.LastLogin}, instant{&u.CreatedAt})
	return u, err
}

// CreateUser adds an account. An enabled admin counts as the first.
func (s *Store) CreateUser(ctx context.Context, u store.User) error {
	return s.write(ctx, "create user", func(tx *sql.Tx) error {
		if u.Role == store.RoleAdmin && !u.Disabled {
			if _, err := claimFirstAdmin(ctx, tx); err != nil {
				return err
			}
		}
		return insertUser(ctx, tx, u)
	})
}

// CreateFirstAdmin adds u as the first admin, spending the setup token.
func (s *Store) CreateFirstAdmin(ctx context.Context, u store.User, setupToken string) error {
	return s.write(ctx, "create first admin", func(tx *sql.Tx) error {
		first, err := claimFirstAdmin(ctx, tx)
		if err != nil {
			return err
		}
		if !first {
			return store.ErrExists
		}
		if setupToken != "" {
			if err := s.spendSetupToken(ctx, tx, setupToken); err != nil {
				return err
			}
		}
		u.Role, u.Disabled = store.RoleAdmin, false
		return insertUser(ctx, tx, u)
	})
}

// claimFirstAdmin reports whether this transaction makes the first admin. Of
// several at once one does, the others wait for it.
func claimFirstAdmin(ctx context.Context, tx *sql.Tx) (bool, error) {
	const claim = `INSERT INTO bootstrap (one) VALUES (1) ON CONFLICT DO NOTHING`
	n, err := affected(tx.ExecContext(ctx, claim))
	return n == 1, err
}

func (s *Store) spendSetupToken(ctx context.Context, tx *sql.Tx, hash string) error {
	const spend = `UPDATE setup_token SET spent = 1 WHERE hash = $1 AND spent = 0 AND expires > $2`
	n, err := affected(tx.ExecContext(ctx, spend, hash, nanos(s.now())))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

func insertUser(ctx context.Context, tx *sql.Tx, u store.User) error {
	const insert = `INSERT INTO users (` + userColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := tx.ExecContext(ctx, insert, u.ID, u.Email, u.PasswordHash, string(u.Role), bit(u.Disabled), u.Epoch,
		nanos(u.LastLogin), nanos(u.CreatedAt))
	return err
}

// HasAdmin reports whether the first admin has been made.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	const made = `SELECT EXISTS (SELECT 1 FROM bootstrap)`
	var has bool
	err := s.r.QueryRowContext(ctx, made).Scan(&has)
	return has, s.fail("look for an admin", err)
}

// PutSetupToken replaces the setup token.
func (s *Store) PutSetupToken(ctx context.Context, hash string, expires time.Time) error {
	const put = `INSERT INTO setup_token (one, hash, expires, spent) VALUES (1, $1, $2, 0)
ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, expires = excluded.expires, spent = 0`
	_, err := s.w.ExecContext(ctx, put, hash, nanos(expires))
	return s.fail("put setup token", err)
}

const userByID = `SELECT ` + userColumns + ` FROM users WHERE id = $1`

// User returns an account by its id.
func (s *Store) User(ctx context.Context, id string) (store.User, error) {
	u, err := scanUser(s.r.QueryRowContext(ctx, userByID, id))
	return u, s.fail("read user", err)
}

// UserByEmail returns an account by its address, which is lower case.
func (s *Store) UserByEmail(ctx context.Context, email string) (store.User, error) {
	const byEmail = `SELECT ` + userColumns + ` FROM users WHERE email = $1`
	u, err := scanUser(s.r.QueryRowContext(ctx, byEmail, email))
	return u, s.fail("read user", err)
}

// ListUsers returns all accounts, the oldest first.
func (s *Store) ListUsers(ctx context.Context) ([]store.User, error) {
	const all = `SELECT ` + userColumns + ` FROM users ORDER BY created_at, id`
	return list(ctx, s, "list users", scanUser, all)
}

// UpdateUser changes an account.
func (s *Store) UpdateUser(ctx context.Context, id string, change func(*store.User) error) (u store.User, err error) {
	const update = `UPDATE users SET email = $2, password_hash = $3, role = $4, disabled = $5, epoch = $6, last_login = $7, created_at = $8
WHERE id = $1`
	err = s.write(ctx, "update user", func(tx *sql.Tx) error {
		if err := lockAdmins(ctx, tx); err != nil {
			return err
		}
		if u, err = scanUser(tx.QueryRowContext(ctx, userByID+s.d.forUpdate, id)); err != nil {
			return err
		}
		if err := change(&u); err != nil {
			return err
		}
		u.ID = id
		if u.Role == store.RoleAdmin && !u.Disabled {
			if _, err := claimFirstAdmin(ctx, tx); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, update, id, u.Email, u.PasswordHash, string(u.Role), bit(u.Disabled), u.Epoch,
			nanos(u.LastLogin), nanos(u.CreatedAt)); err != nil {
			return err
		}
		return keepAnAdmin(ctx, tx)
	})
	if err != nil {
		return store.User{}, err
	}
	return u, nil
}

// DeleteUser removes an account with its sessions and virtual keys.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	const remove = `DELETE FROM users WHERE id = $1`
	return s.write(ctx, "delete user", func(tx *sql.Tx) error {
		if err := lockAdmins(ctx, tx); err != nil {
			return err
		}
		n, err := affected(tx.ExecContext(ctx, remove, id))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return keepAnAdmin(ctx, tx)
	})
}

// lockAdmins makes whoever changes accounts wait for this transaction, so that
// two cannot each take the other's admin for the one that stays.
func lockAdmins(ctx context.Context, tx *sql.Tx) error {
	const lock = `UPDATE bootstrap SET one = 1`
	_, err := tx.ExecContext(ctx, lock)
	return err
}

// keepAnAdmin fails when there has been an admin and no enabled one is left.
func keepAnAdmin(ctx context.Context, tx *sql.Tx) error {
	const left = `SELECT NOT EXISTS (SELECT 1 FROM bootstrap) OR EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND disabled = 0)`
	var ok bool
	if err := tx.QueryRowContext(ctx, left).Scan(&ok); err != nil {
		return err
	}
	if !ok {
		return store.ErrConflict
	}
	return nil
}
