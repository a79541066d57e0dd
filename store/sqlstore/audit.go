package sqlstore

import (
	"context"
	"math"

	"github.com/llmhubd/llmhub/store"
)

func scanAudit(r scanner) (a store.Audit, err error) {
	err = r.Scan(&a.ID, instant{&a.Time}, &a.ActorID, &a.IP, &a.Action, &a.Target, &a.Detail)
	return a, err
}

// AppendAudit adds a record; its ID is the database's choice.
func (s *Store) AppendAudit(ctx context.Context, a store.Audit) error {
	const insert = `INSERT INTO audit_log (time, actor_id, ip, action, target, detail) VALUES ($1, $2, $3, $4, $5, $6)`
	_, err := s.w.ExecContext(ctx, insert, nanos(a.Time), a.ActorID, a.IP, a.Action, a.Target, a.Detail)
	return s.fail("append audit", err)
}

// ListAudits returns records with a smaller id than before, the newest first.
func (s *Store) ListAudits(ctx context.Context, before int64, limit int) ([]store.Audit, error) {
	const page = `SELECT id, time, actor_id, ip, action, target, detail FROM audit_log WHERE id < $1 ORDER BY id DESC LIMIT $2`
	if before == 0 {
		before = math.MaxInt64
	}
	return list(ctx, s, "list audits", scanAudit, page, before, int64(pageSize(limit)))
}
