package sqlstore

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// nanos is how a time is stored: nanoseconds since 1970, 0 for the zero time.
// Times that do not fit, before 1678 or after 2261, become the nearest that do.
func nanos(t time.Time) int64 {
	switch y := t.Year(); {
	case t.IsZero():
		return 0
	case y < 1678:
		return math.MinInt64
	case y > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// instant scans what nanos made, in UTC.
type instant struct{ t *time.Time }

// Scan takes an integer from the database.
func (i instant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time is %T, want an integer", v)
	}
	*i.t = time.Time{}
	if n != 0 {
		*i.t = time.Unix(0, n).UTC()
	}
	return nil
}

// listText is how a list is stored: JSON, null for nil.
func listText[T any](list []T) any {
	if list == nil {
		return nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // lists of strings and of plain structs
	}
	return string(b)
}

// listOf scans what listText made.
type listOf[T any] struct{ list *[]T }

// Scan takes a text from the database.
func (l listOf[T]) Scan(v any) error {
	*l.list = nil
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), l.list)
	case []byte:
		return json.Unmarshal(v, l.list)
	}
	return fmt.Errorf("list is %T, want text", v)
}

// text is how a text is stored whose absence is common: null for "".
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// textOf scans what text made.
type textOf struct{ s *string }

// Scan takes a text from the database.
func (t textOf) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t.s = ""
	case string:
		*t.s = v
	case []byte:
		*t.s = string(v)
	default:
		return fmt.Errorf("text is %T", v)
	}
	return nil
}

// bit is how a bool is stored.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// blob is how bytes are stored where a column is never null.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
