package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/llmhubd/llmhub/store"
)

const virtualKeyColumns = `id, hash, prefix, name, owner_id, models, rpm, tpm, max_parallel_requests, disclose, allow_direct_models,
allow_body_keys, disabled, expires_at, last_used, created_at`

func scanVirtualKey(r scanner) (k store.VirtualKey, err error) {
	err = r.Scan(&k.ID, &k.Hash, &k.Prefix, &k.Name, textOf{&k.OwnerID}, listOf[string]{&k.Models}, &k.RPM, &k.TPM, &k.MaxParallelRequests,
		&k.Disclose, &k.AllowDirectModels, listOf[string]{&k.AllowBodyKeys}, &k.Disabled, instant{&k.ExpiresAt}, instant{&k.LastUsed}, instant{&k.CreatedAt})
	return k, err
}

func virtualKeyValues(k store.VirtualKey) []any {
	return []any{k.ID, blob(k.Hash), k.Prefix, k.Name, text(k.OwnerID), listText(k.Models), k.RPM, k.TPM, k.MaxParallelRequests,
		bit(k.Disclose), bit(k.AllowDirectModels), listText(k.AllowBodyKeys), bit(k.Disabled), nanos(k.ExpiresAt), nanos(k.LastUsed), nanos(k.CreatedAt)}
}

// CreateVirtualKey adds a key: [store.ErrNotFound] when its owner is not there.
func (s *Store) CreateVirtualKey(ctx context.Context, k store.VirtualKey) error {
	const insert = `INSERT INTO virtual_keys (` + virtualKeyColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`
	_, err := s.w.ExecContext(ctx, insert, virtualKeyValues(k)...)
	return s.fail("create virtual key", err)
}

const virtualKeyByID = `SELECT ` + virtualKeyColumns + ` FROM virtual_keys WHERE id = $1`

// VirtualKey returns a key, whatever its state.
func (s *Store) VirtualKey(ctx context.Context, id string) (store.VirtualKey, error) {
	k, err := scanVirtualKey(s.r.QueryRowContext(ctx, virtualKeyByID, id))
	return k, s.fail("read virtual key", err)
}

// ListVirtualKeys returns all keys, the newest first.
func (s *Store) ListVirtualKeys(ctx context.Context) ([]store.VirtualKey, error) {
	const all = `SELECT ` + virtualKeyColumns + ` FROM virtual_keys ORDER BY created_at DESC, id DESC`
	return list(ctx, s, "list virtual keys", scanVirtualKey, all)
}

// UpdateVirtualKey changes a key.
func (s *Store) UpdateVirtualKey(ctx context.Context, id string, change func(*store.VirtualKey) error) (k store.VirtualKey, err error) {
	const update = `UPDATE virtual_keys SET hash = $2, prefix = $3, name = $4, owner_id = $5, models = $6, rpm = $7, tpm = $8, max_parallel_requests = $9,
disclose = $10, allow_direct_models = $11, allow_body_keys = $12, disabled = $13, expires_at = $14, last_used = $15, created_at = $16
WHERE id = $1`
	err = s.write(ctx, "update virtual key", func(tx *sql.Tx) error {
		if k, err = scanVirtualKey(tx.QueryRowContext(ctx, virtualKeyByID+s.d.forUpdate, id)); err != nil {
			return err
		}
		if err := change(&k); err != nil {
			return err
		}
		k.ID = id
		_, err := tx.ExecContext(ctx, update, virtualKeyValues(k)...)
		return err
	})
	if err != nil {
		return store.VirtualKey{}, err
	}
	return k, nil
}

// TouchVirtualKeys moves LastUsed forward, in one transaction.
func (s *Store) TouchVirtualKeys(ctx context.Context, used map[string]time.Time) error {
	const touch = `UPDATE virtual_keys SET last_used = $2 WHERE id = $1 AND last_used < $2`
	if len(used) == 0 {
		return nil
	}
	return s.write(ctx, "touch virtual keys", func(tx *sql.Tx) error {
		for id, at := range used {
			if _, err := tx.ExecContext(ctx, touch, id, nanos(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteVirtualKey removes a key.
func (s *Store) DeleteVirtualKey(ctx context.Context, id string) error {
	const remove = `DELETE FROM virtual_keys WHERE id = $1`
	return s.one(ctx, "delete virtual key", remove, id)
}
