package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/llmhubd/llmhub/store"
)

// usageColumns are in the order of usageValues and scanAttempt.
const usageColumns = `request_id, n, final, time, user_id, virtual_key_id, client_request_id, dialect, model, stream,
request_status, request_outcome, request_error, attempts, request_ttft, request_duration, skipped,
provider, served_model, key_id, started_at, ttft, duration, status, outcome, error_code, error, why_chosen, why_left, warnings,
charged, ambiguous, demo, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_input, audio_output, estimated`

const usageWidth = 42

func usageValues(to []any, a *store.Attempt) []any {
	return append(to, a.RequestID, int64(a.N), bit(a.Final), nanos(a.Time), text(a.UserID), text(a.VirtualKeyID), text(a.ClientRequestID), text(a.Dialect), text(a.Model), bit(a.Stream),
		int64(a.RequestStatus), text(a.RequestOutcome), text(a.RequestError), int64(a.Attempts), int64(a.RequestTTFT), int64(a.RequestDuration), listText(a.Skipped),
		text(a.Provider), text(a.ServedModel), text(a.KeyID), nanos(a.StartedAt), int64(a.TTFT), int64(a.Duration), int64(a.Status), text(a.Outcome), text(a.ErrorCode), text(a.Error), text(a.WhyChosen), text(a.WhyLeft), listText(a.Warnings),
		a.Charged, bit(a.Ambiguous), bit(a.Demo), a.Input, a.CacheRead, a.CacheWrite5m, a.CacheWrite1h, a.Output, a.Reasoning, a.AudioInput, a.AudioOutput, bit(a.Estimated))
}

func scanAttempt(r scanner) (a store.Attempt, err error) {
	err = r.Scan(&a.RequestID, &a.N, &a.Final, instant{&a.Time}, textOf{&a.UserID}, textOf{&a.VirtualKeyID}, textOf{&a.ClientRequestID}, textOf{&a.Dialect}, textOf{&a.Model}, &a.Stream,
		&a.RequestStatus, textOf{&a.RequestOutcome}, textOf{&a.RequestError}, &a.Attempts, &a.RequestTTFT, &a.RequestDuration, listOf[store.Skip]{&a.Skipped},
		textOf{&a.Provider}, textOf{&a.ServedModel}, textOf{&a.KeyID}, instant{&a.StartedAt}, &a.TTFT, &a.Duration, &a.Status, textOf{&a.Outcome}, textOf{&a.ErrorCode}, textOf{&a.Error}, textOf{&a.WhyChosen}, textOf{&a.WhyLeft}, listOf[string]{&a.Warnings},
		&a.Charged, &a.Ambiguous, &a.Demo, &a.Input, &a.CacheRead, &a.CacheWrite5m, &a.CacheWrite1h, &a.Output, &a.Reasoning, &a.AudioInput, &a.AudioOutput, &a.Estimated)
	return a, err
}

// usageInserts are the prepared statements of AppendUsage: many rows at a time,
// and one for what remains.
type usageInserts struct{ many, one *sql.Stmt }

// manyRows is how many rows one statement inserts: more save little.
const manyRows = 16

func prepareUsageInserts(ctx context.Context, db *sql.DB, d dialect) (*usageInserts, error) {
	one, err := db.PrepareContext(ctx, insertUsage(d, 1))
	if err != nil {
		return nil, err
	}
	many, err := db.PrepareContext(ctx, insertUsage(d, manyRows))
	if err != nil {
		one.Close()
		return nil, err
	}
	return &usageInserts{many, one}, nil
}

func (u *usageInserts) close() {
	u.many.Close()
	u.one.Close()
}

// insertUsage is a statement that adds rows unless they are there.
func insertUsage(d dialect, rows int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO usage_log (` + usageColumns + `) VALUES `)
	for n := range rows * usageWidth {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%usageWidth == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(d.placeholder(n + 1))
	}
	b.WriteString(`) ON CONFLICT (request_id, n) DO NOTHING`)
	return b.String()
}

// AppendUsage writes rows in one transaction.
func (s *Store) AppendUsage(ctx context.Context, rows []store.Attempt) error {
	if len(rows) == 0 {
		return nil
	}
	return s.write(ctx, "append usage", func(tx *sql.Tx) error {
		values := make([]any, 0, manyRows*usageWidth)
		for len(rows) > 0 {
			stmt, n := s.appends.one, 1
			if len(rows) >= manyRows {
				stmt, n = s.appends.many, manyRows
			}
			values = values[:0]
			for i := range rows[:n] {
				values = usageValues(values, &rows[i])
			}
			if _, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, values...); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return nil
	})
}

// RequestLog returns all rows of a request by N.
func (s *Store) RequestLog(ctx context.Context, requestID string) ([]store.Attempt, error) {
	const ofRequest = `SELECT ` + usageColumns + ` FROM usage_log WHERE request_id = $1 ORDER BY n`
	rows, err := list(ctx, s, "read request log", scanAttempt, ofRequest, requestID)
	if err == nil && len(rows) == 0 {
		err = s.fail("read request log", store.ErrNotFound)
	}
	return rows, err
}
