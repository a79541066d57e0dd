package sqlstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/store"
)

// pageSize is the number of rows for a limit that may be 0 or too large.
func pageSize(limit int) int {
	switch {
	case limit <= 0:
		return 50
	case limit > 200:
		return 200
	}
	return limit
}

// ListRequests returns a page of final rows, newest first.
func (s *Store) ListRequests(ctx context.Context, f store.UsageFilter) ([]store.Attempt, string, error) {
	const what = "list requests"
	var where conditions
	where.filter(f)
	if f.Cursor != "" {
		at, id, err := parseCursor(f.Cursor)
		if err != nil {
			return nil, "", s.fail(what, err)
		}
		// The first term is what an index can start from.
		where.add(`time <= $ AND (time < $ OR request_id < $)`, at, at, id)
	}
	size := pageSize(f.Limit)
	// One row more than asked for tells whether there is a next page.
	query := `SELECT ` + usageColumns + ` FROM usage_log WHERE final = 1` + where.sql.String() +
		` ORDER BY time DESC, request_id DESC LIMIT ` + strconv.Itoa(size+1)
	rows, err := list(ctx, s, what, scanAttempt, query, where.args...)
	if err != nil || len(rows) <= size {
		return rows, "", err
	}
	rows = rows[:size]
	return rows, cursorAfter(rows[size-1]), nil
}

// conditions are ANDed terms with their arguments.
type conditions struct {
	sql  strings.Builder
	args []any
}

// add adds a term, each of whose $ stands for one argument.
func (c *conditions) add(term string, args ...any) {
	c.sql.WriteString(" AND ")
	for before, after, more := strings.Cut(term, "$"); ; before, after, more = strings.Cut(after, "$") {
		c.sql.WriteString(before)
		if !more {
			return
		}
		c.args = append(c.args, args[0])
		args = args[1:]
		c.sql.WriteString("$" + strconv.Itoa(len(c.args)))
	}
}

func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+` = $`, value)
	}
}

func (c *conditions) filter(f store.UsageFilter) {
	if f.Status != 0 {
		c.add(`request_status = $`, int64(f.Status))
	}
	c.equal("request_outcome", f.Outcome)
	c.equal("provider", f.Provider)
	c.equal("key_id", f.KeyID)
	c.equal("user_id", f.UserID)
	c.equal("virtual_key_id", f.VirtualKeyID)
	if provider, model, ok := strings.Cut(f.Model, "/"); ok {
		c.add(`(model = $ OR provider = $ AND served_model = $)`, f.Model, provider, model)
	} else {
		c.equal("model", f.Model)
	}
	if !f.Since.IsZero() {
		c.add(`time >= $`, nanos(f.Since))
	}
	if !f.Until.IsZero() {
		c.add(`time < $`, nanos(f.Until))
	}
	c.query(f.Query)
}

// rarePrefix is the length from which few requests are expected to share an
// id's beginning: that many digits of a version 7 UUID change every minute.
const rarePrefix = 8

// query chooses by id. A long one is looked up first; a short one, which much
// may match, is left for the walk along time to test: || keeps the database from
// gathering all of it by the index of ids.
func (c *conditions) query(q string) {
	if q == "" {
		return
	}
	end := q + "\U0010ffff"
	if len(q) < rarePrefix {
		c.add(`(request_id || '' >= $ AND request_id || '' < $ OR id IN (SELECT id FROM usage_log WHERE client_request_id = $))`, q, end, q)
		return
	}
	c.add(`id IN (SELECT id FROM usage_log WHERE request_id >= $ AND request_id < $
UNION SELECT id FROM usage_log WHERE client_request_id = $)`, q, end, q)
}

// cursorAfter names the place behind a row.
func cursorAfter(a store.Attempt) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(nanos(a.Time)))
	return base64.RawURLEncoding.EncodeToString(append(b, a.RequestID...))
}

func parseCursor(s string) (at int64, id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 8 {
		return 0, "", store.ErrCursor
	}
	return int64(binary.BigEndian.Uint64(b)), string(b[8:]), nil
}
