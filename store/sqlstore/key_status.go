package sqlstore

import (
	"context"
	"database/sql"

	"github.com/llmhubd/llmhub/store"
)

const keyStatusColumns = `key_id, state, reason, until, day, requests, tokens, last_used, anchor`

func scanKeyStatus(r scanner) (k store.KeyStatus, err error) {
	err = r.Scan(&k.KeyID, &k.State, &k.Reason, instant{&k.Until}, &k.Window, &k.Requests, &k.Tokens, instant{&k.LastUsed}, instant{&k.Anchor})
	return k, err
}

// SaveKeyStatuses writes them in one transaction, over those already there.
func (s *Store) SaveKeyStatuses(ctx context.Context, all []store.KeyStatus) error {
	const upsert = `INSERT INTO key_status (` + keyStatusColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (key_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, until = excluded.until, day = excluded.day,
requests = excluded.requests, tokens = excluded.tokens, last_used = excluded.last_used, anchor = excluded.anchor`
	if len(all) == 0 {
		return nil
	}
	return s.write(ctx, "save key statuses", func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, upsert)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, k := range all {
			if _, err := stmt.ExecContext(ctx, k.KeyID, k.State, k.Reason, nanos(k.Until), k.Window, k.Requests, k.Tokens,
				nanos(k.LastUsed), nanos(k.Anchor)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ListKeyStatuses returns all statuses by key.
func (s *Store) ListKeyStatuses(ctx context.Context) ([]store.KeyStatus, error) {
	const all = `SELECT ` + keyStatusColumns + ` FROM key_status ORDER BY key_id`
	return list(ctx, s, "list key statuses", scanKeyStatus, all)
}
