package memquota

import (
	"sort"
	"time"
)

const (
	minute = int64(time.Minute)
	day    = int64(24 * time.Hour)
)

// rule says where the windows of a key begin. Times are nanoseconds since 1970.
type rule struct {
	anchor int64
	zone   *time.Location // nil: days of 86,400 s from anchor
}

// day is the number of the day at now: of the anchor's days, or of the local
// date since 1970-01-01.
func (r rule) day(now int64) int64 {
	if r.zone == nil {
		return floorDiv(now-r.anchor, day)
	}
	return date(now, r.zone)
}

// dayEnd is when day n is over. In a zone that is the first second of a later
// date, wherever its clocks are moved.
func (r rule) dayEnd(n int64) int64 {
	if r.zone == nil {
		return r.anchor + (n+1)*day
	}
	const reach = 36 * 3600 // seconds between n's noon in UTC and any other date
	noon := n*86400 + 12*3600
	i := sort.Search(2*reach, func(i int) bool {
		return date((noon-reach+int64(i))*int64(time.Second), r.zone) > n
	})
	return (noon - reach + int64(i)) * int64(time.Second)
}

func (r rule) minute(now int64) int64  { return floorDiv(now-r.anchor, minute) }
func (r rule) minuteEnd(n int64) int64 { return r.anchor + (n+1)*minute }
func (r rule) equal(other rule) bool {
	return r.anchor == other.anchor && zoneName(r.zone) == zoneName(other.zone)
}

func zoneName(zone *time.Location) string {
	if zone == nil {
		return ""
	}
	return zone.String()
}

// date is the number of the local date, days since 1970-01-01.
func date(now int64, zone *time.Location) int64 {
	y, m, d := time.Unix(0, now).In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// count is what is limited on a key.
type count struct{ requests, tokens int64 }

// window is what is used and held of a day or a minute. It is never left for an
// earlier one.
type window struct {
	n          int64
	end        int64
	used, held count
}

// fits reports whether a more would stay within limits.
func (w *window) fits(a count, requests, tokens int64) bool {
	return (requests == 0 || a.requests <= requests-w.used.requests-w.held.requests) &&
		(tokens == 0 || a.tokens <= tokens-w.used.tokens-w.held.tokens)
}

// full reports whether nothing is left of a limit.
func (w *window) full(requests, tokens int64) bool {
	return requests > 0 && w.used.requests+w.held.requests >= requests ||
		tokens > 0 && w.used.tokens+w.held.tokens >= tokens
}

// load is the part of the tighter limit that is used or held.
func (w *window) load(requests, tokens int64) float64 {
	var load float64
	if requests > 0 {
		load = float64(w.used.requests+w.held.requests) / float64(requests)
	}
	if tokens > 0 {
		load = max(load, float64(w.used.tokens+w.held.tokens)/float64(tokens))
	}
	return load
}

func (w *window) take(a count) {
	w.held.requests += a.requests
	w.held.tokens += a.tokens
}

// settle turns what was held in window n into what was used, unless that window
// is over.
func (w *window) settle(n int64, held, used count) {
	if w.n != n {
		return
	}
	w.held.requests -= held.requests
	w.held.tokens -= held.tokens
	w.used.requests += used.requests
	w.used.tokens += used.tokens
}

// scope is what keys share that are one account to their provider; most often
// there is one key to a scope. The pool's mutex guards it.
type scope struct {
	name    string
	rule    rule
	day     window
	minute  window
	cooling gate
	spent   gate // by the provider's word, its day is used up
}

func newScope(name string, r rule, now int64) *scope {
	s := &scope{name: name, rule: r}
	s.day.n, s.minute.n = r.day(now), r.minute(now)
	s.day.end, s.minute.end = r.dayEnd(s.day.n), r.minuteEnd(s.minute.n)
	return s
}

// roll starts new windows when the time has come.
func (s *scope) roll(now int64) {
	if now >= s.minute.end {
		n := s.rule.minute(now)
		s.minute = window{n: n, end: s.rule.minuteEnd(n)}
	}
	if now >= s.day.end {
		n := s.rule.day(now)
		s.day = window{n: n, end: s.rule.dayEnd(n)}
	}
}
