package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/llmhubd/llmhub/store"
)

// usageInsert is a way to insert rows of one shape: many at a time, and one for
// what remains. What a statement says itself need not be bound, and binding is
// most of what a row costs.
type usageInsert struct {
	fits      func(*store.Attempt) bool
	values    func(to []any, a *store.Attempt) []any
	width     int
	many, one *sql.Stmt
}

// manyRows is how many rows one statement inserts: more save little.
const manyRows = 16

const (
	plainColumns = `request_id, time, user_id, virtual_key_id, dialect, model, stream, request_ttft, request_duration,
provider, served_model, key_id, started_at, ttft, duration, why_chosen, input, cache_read, output, reasoning`
	plainWidth = 20
	// plainSame is what isPlain asks for, the same in all plain rows.
	plainSame = `n, final, request_status, request_outcome, attempts, status, outcome, charged,
ambiguous, demo, cache_write_5m, cache_write_1h, audio_input, audio_output, estimated`
	plainSameValues = `1, 1, 200, 'ok', 1, 200, 'ok', 1, 0, 0, 0, 0, 0, 0, 0`
)

// isPlain reports whether a row is what most are: the first attempt went well,
// and there is nothing more to say.
func isPlain(a *store.Attempt) bool {
	return a.N == 1 && a.Final && a.RequestStatus == 200 && a.RequestOutcome == "ok" && a.Attempts == 1 && a.Status == 200 && a.Outcome == "ok" && a.Charged == 1 &&
		!a.Ambiguous && !a.Demo && !a.Estimated && a.CacheWrite5m|a.CacheWrite1h|a.AudioInput|a.AudioOutput == 0 &&
		a.ClientRequestID == "" && a.RequestError == "" && a.ErrorCode == "" && a.Error == "" && a.WhyLeft == "" && a.Skipped == nil && a.Warnings == nil
}

func plainValues(to []any, a *store.Attempt) []any {
	return append(to, a.RequestID, nanos(a.Time), text(a.UserID), text(a.VirtualKeyID), text(a.Dialect), text(a.Model), bit(a.Stream), int64(a.RequestTTFT), int64(a.RequestDuration),
		text(a.Provider), text(a.ServedModel), text(a.KeyID), nanos(a.StartedAt), int64(a.TTFT), int64(a.Duration), text(a.WhyChosen), a.Input, a.CacheRead, a.Output, a.Reasoning)
}

// prepareUsageInserts prepares the shapes; the last one fits every row.
func prepareUsageInserts(ctx context.Context, db *sql.DB, d dialect) ([]usageInsert, error) {
	all := []usageInsert{
		{fits: isPlain, values: plainValues, width: plainWidth},
		{fits: func(*store.Attempt) bool { return true }, values: usageValues, width: usageWidth},
	}
	for i := range all {
		columns, same := usageColumns, ""
		if i == 0 {
			columns, same = plainColumns+", "+plainSame, ", "+plainSameValues
		}
		var err error
		if all[i].many, err = db.PrepareContext(ctx, insertUsage(d, columns, all[i].width, same, manyRows)); err != nil {
			return all, err
		}
		if all[i].one, err = db.PrepareContext(ctx, insertUsage(d, columns, all[i].width, same, 1)); err != nil {
			return all, err
		}
	}
	return all, nil
}

func closeUsageInserts(all []usageInsert) error {
	var errs []error
	for _, shape := range all {
		for _, stmt := range []*sql.Stmt{shape.many, shape.one} {
			if stmt != nil {
				errs = append(errs, stmt.Close())
			}
		}
	}
	return errors.Join(errs...)
}

// insertUsage is a statement that adds rows unless they are there. A row is as
// many parameters as width says and then what is the same in all.
func insertUsage(d dialect, columns string, width int, same string, rows int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO usage_log (` + columns + `) VALUES `)
	for n := range rows * width {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%width == 0:
			b.WriteString(same + "), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(d.placeholder(n + 1))
	}
	b.WriteString(same + `) ON CONFLICT (request_id, n) DO NOTHING`)
	return b.String()
}

// AppendUsage writes rows in one transaction, those of the same shape together.
func (s *Store) AppendUsage(ctx context.Context, rows []store.Attempt) error {
	if len(rows) == 0 {
		return nil
	}
	byShape := make([][]*store.Attempt, len(s.appends))
	for i := range rows {
		shape := 0
		for !s.appends[shape].fits(&rows[i]) {
			shape++
		}
		byShape[shape] = append(byShape[shape], &rows[i])
	}
	return s.write(ctx, "append usage", func(tx *sql.Tx) error {
		for i, rows := range byShape {
			if err := s.appends[i].exec(ctx, tx, rows); err != nil {
				return err
			}
		}
		return nil
	})
}

func (u *usageInsert) exec(ctx context.Context, tx *sql.Tx, rows []*store.Attempt) error {
	values := make([]any, 0, manyRows*u.width)
	for len(rows) > 0 {
		stmt, n := u.one, 1
		if len(rows) >= manyRows {
			stmt, n = u.many, manyRows
		}
		values = values[:0]
		for _, a := range rows[:n] {
			values = u.values(values, a)
		}
		if _, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, values...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
