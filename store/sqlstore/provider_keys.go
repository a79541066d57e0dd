package sqlstore

import (
	"context"
	"database/sql"

	"github.com/llmhubd/llmhub/store"
)

const providerKeyColumns = `id, provider, type, name, base_url, sealed, masked, fingerprint, disabled, priority, weight,
rpm, tpm, daily_requests, daily_tokens, models, created_at, updated_at`

func scanProviderKey(r scanner) (k store.ProviderKey, err error) {
	err = r.Scan(&k.ID, &k.Provider, &k.Type, &k.Name, &k.BaseURL, &k.Sealed, &k.Masked, &k.Fingerprint, &k.Disabled, &k.Priority, &k.Weight,
		&k.RPM, &k.TPM, &k.DailyRequests, &k.DailyTokens, listOf[string]{&k.Models}, instant{&k.CreatedAt}, instant{&k.UpdatedAt})
	return k, err
}

func providerKeyValues(k store.ProviderKey) []any {
	return []any{k.ID, k.Provider, k.Type, k.Name, k.BaseURL, blob(k.Sealed), k.Masked, k.Fingerprint, bit(k.Disabled), int64(k.Priority), int64(k.Weight),
		k.RPM, k.TPM, k.DailyRequests, k.DailyTokens, listText(k.Models), nanos(k.CreatedAt), nanos(k.UpdatedAt)}
}

// CreateProviderKey adds a credential.
func (s *Store) CreateProviderKey(ctx context.Context, k store.ProviderKey) error {
	const insert = `INSERT INTO provider_keys (` + providerKeyColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	_, err := s.w.ExecContext(ctx, insert, providerKeyValues(k)...)
	return s.fail("create provider key", err)
}

const providerKeyByID = `SELECT ` + providerKeyColumns + ` FROM provider_keys WHERE id = $1`

// ProviderKey returns a credential.
func (s *Store) ProviderKey(ctx context.Context, id string) (store.ProviderKey, error) {
	k, err := scanProviderKey(s.r.QueryRowContext(ctx, providerKeyByID, id))
	return k, s.fail("read provider key", err)
}

// ListProviderKeys returns all credentials in the order of their use.
func (s *Store) ListProviderKeys(ctx context.Context) ([]store.ProviderKey, error) {
	const all = `SELECT ` + providerKeyColumns + ` FROM provider_keys ORDER BY provider, priority, created_at, id`
	return list(ctx, s, "list provider keys", scanProviderKey, all)
}

// UpdateProviderKey changes a credential.
func (s *Store) UpdateProviderKey(ctx context.Context, id string, change func(*store.ProviderKey) error) (k store.ProviderKey, err error) {
	const update = `UPDATE provider_keys SET provider = $2, type = $3, name = $4, base_url = $5, sealed = $6, masked = $7, fingerprint = $8,
disabled = $9, priority = $10, weight = $11, rpm = $12, tpm = $13, daily_requests = $14, daily_tokens = $15, models = $16, created_at = $17, updated_at = $18
WHERE id = $1`
	err = s.write(ctx, "update provider key", func(tx *sql.Tx) error {
		if k, err = scanProviderKey(tx.QueryRowContext(ctx, providerKeyByID+s.d.forUpdate, id)); err != nil {
			return err
		}
		if err := change(&k); err != nil {
			return err
		}
		k.ID = id
		_, err := tx.ExecContext(ctx, update, providerKeyValues(k)...)
		return err
	})
	if err != nil {
		return store.ProviderKey{}, err
	}
	return k, nil
}

// DeleteProviderKey removes a credential and its status.
func (s *Store) DeleteProviderKey(ctx context.Context, id string) error {
	const (
		remove       = `DELETE FROM provider_keys WHERE id = $1`
		removeStatus = `DELETE FROM key_status WHERE key_id = $1`
	)
	return s.write(ctx, "delete provider key", func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, remove, id))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		_, err = tx.ExecContext(ctx, removeStatus, id)
		return err
	})
}
