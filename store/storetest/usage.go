package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/store"
)

// attempts makes rows of every shape: most fields of a row are set or not at
// random, all from small sets, so that filters meet many of them.
func attempts(rng *rand.Rand, requests int) []store.Attempt {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	some := func(n int64) int64 {
		if rng.IntN(2) == 0 {
			return 0
		}
		return 1 + rng.Int64N(n)
	}
	var rows []store.Attempt
	for i := range requests {
		// Three requests begin in the same nanosecond.
		began := now.Add(time.Duration(i/3) * time.Millisecond)
		request := store.Attempt{RequestID: fmt.Sprintf("01a0%04x-%08x", i, rng.Uint32()), Time: began,
			UserID: pick("", "u1", "u2"), VirtualKeyID: pick("", "v1", "v2"), ClientRequestID: pick("", "", "mine", "01a00001"),
			Dialect: pick("openai-chat", "anthropic"), Model: pick("smart", "fast", "openai/gpt-5.5"), Stream: rng.IntN(2) == 0}
		last := 1 + rng.IntN(2)
		for n := 1; n <= last; n++ {
			a := request
			a.N, a.StartedAt, a.Provider, a.ServedModel, a.KeyID = n, began.Add(time.Nanosecond), pick("openai", "groq"), pick("gpt-5.5", "openai/gpt-5.5"), pick("k1", "k2")
			a.Status, a.Outcome, a.Charged, a.Input, a.Output = 200, "ok", 1, some(5000), some(5000)
			a.TTFT, a.Duration, a.WhyChosen = time.Duration(some(1e9)), time.Duration(some(1e10)), pick("", "priority 0")
			a.CacheRead, a.Reasoning = some(100), some(100)
			if rng.IntN(3) == 0 {
				a.Status, a.Outcome, a.ErrorCode, a.Error = 500, pick("error", "cancelled", "lost"), pick("", "broken"), pick("", "ünïcode \x01")
				a.WhyLeft, a.Warnings, a.Charged, a.Ambiguous, a.Demo, a.Estimated = pick("", "broken"), []string{"a", "b"}, some(2)-1, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
				a.CacheWrite5m, a.CacheWrite1h, a.AudioInput, a.AudioOutput = some(9), some(9), some(9), some(9)
			}
			if n == last {
				a.Final, a.RequestStatus, a.RequestOutcome, a.Attempts = true, []int{200, 503}[rng.IntN(2)], pick("ok", "error"), n
				a.RequestTTFT, a.RequestDuration = time.Duration(some(1e9)), time.Duration(some(1e10))
				if rng.IntN(4) == 0 {
					a.RequestError, a.Skipped = "no_provider", []store.Skip{{Provider: "groq", Model: "m", KeyID: "k", Reason: "cooling"}, {Provider: "x"}}
				}
			}
			rows = append(rows, a)
		}
	}
	return rows
}

// chosen are the requests that a filter chooses, the newest first.
func chosen(rows []store.Attempt, f store.UsageFilter) []store.Attempt {
	is := func(want, got string) bool { return want == "" || want == got }
	var out []store.Attempt
	for _, a := range rows {
		if a.Final && (f.Status == 0 || f.Status == a.RequestStatus) && is(f.Outcome, a.RequestOutcome) && is(f.Provider, a.Provider) &&
			is(f.KeyID, a.KeyID) && is(f.UserID, a.UserID) && is(f.VirtualKeyID, a.VirtualKeyID) &&
			(is(f.Model, a.Model) || f.Model == a.Provider+"/"+a.ServedModel) &&
			(f.Since.IsZero() || !a.Time.Before(f.Since)) && (f.Until.IsZero() || a.Time.Before(f.Until)) &&
			(f.Query == "" || strings.HasPrefix(a.RequestID, f.Query) || a.ClientRequestID == f.Query) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b store.Attempt) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return strings.Compare(b.RequestID, a.RequestID)
	})
	return out
}

// pages reads a list to its end.
func pages(t *testing.T, s store.Store, f store.UsageFilter) (all []store.Attempt) {
	t.Helper()
	for {
		page, next, err := s.ListRequests(t.Context(), f)
		must(t, "ListRequests", err)
		if f.Limit > 0 && len(page) > f.Limit {
			t.Fatalf("ListRequests gave %d rows, want at most %d", len(page), f.Limit)
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		if len(page) == 0 || next == f.Cursor {
			t.Fatalf("ListRequests does not come forward: %d rows, cursor %q", len(page), next)
		}
		f.Cursor = next
	}
}

func sameRequests(t *testing.T, f store.UsageFilter, got, wanted []store.Attempt) {
	t.Helper()
	if len(got) != len(wanted) {
		t.Errorf("%+v chose %d requests, want %d", f, len(got), len(wanted))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], wanted[i]) {
			t.Errorf("%+v: request %d =\n%+v, want\n%+v", f, i, got[i], wanted[i])
			return
		}
	}
}

var usage = []claim{
	{"usage is read as it was written", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(5, 6)), 300)
		must(t, "AppendUsage(none)", s.AppendUsage(t.Context(), nil))
		must(t, "AppendUsage", s.AppendUsage(t.Context(), rows))
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].RequestID == rows[0].RequestID {
				n++
			}
			got, err := s.RequestLog(t.Context(), rows[0].RequestID)
			must(t, "RequestLog", err)
			same(t, "RequestLog", got, rows[:n])
			rows = rows[n:]
		}
		_, err := s.RequestLog(t.Context(), "nobody's")
		want(t, "RequestLog of no request", err, store.ErrNotFound)
	}},
	{"a row that differs in one field is read so", func(t *testing.T, s store.Store) {
		usual := store.Attempt{N: 1, Final: true, Time: now, UserID: "u", Model: "smart", RequestStatus: 200, RequestOutcome: "ok", Attempts: 1,
			Provider: "openai", StartedAt: now, Status: 200, Outcome: "ok", Charged: 1, Input: 5, Output: 6}
		var rows []store.Attempt
		for i := range reflect.TypeFor[store.Attempt]().NumField() {
			a := usual
			switch f := reflect.ValueOf(&a).Elem().Field(i).Addr().Interface().(type) {
			case *string:
				*f += "x"
			case *bool:
				*f = !*f
			case *int:
				*f += 7
			case *int64:
				*f += 7
			case *time.Duration:
				*f += 7
			case *time.Time:
				*f = f.Add(7)
			case *[]string:
				*f = []string{"x"}
			case *[]store.Skip:
				*f = []store.Skip{{Reason: "x"}}
			default:
				t.Fatalf("field %d is %T, which this claim does not know", i, f)
			}
			a.RequestID = fmt.Sprint("r", i)
			rows = append(rows, a)
		}
		must(t, "AppendUsage", s.AppendUsage(t.Context(), rows))
		for _, a := range rows {
			got, err := s.RequestLog(t.Context(), a.RequestID)
			must(t, "RequestLog", err)
			same(t, "RequestLog", got, []store.Attempt{a})
		}
	}},
	{"a row stays when it comes again", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		first := store.Attempt{RequestID: "r", N: 1, Final: true, Time: now, RequestOutcome: "ok", Input: 1}
		must(t, "AppendUsage", s.AppendUsage(ctx, []store.Attempt{first}))
		again, second := first, first
		again.RequestOutcome, again.Input, again.Error = "error", 2, "other"
		second.N, second.Final = 2, false
		must(t, "AppendUsage again, with another", s.AppendUsage(ctx, []store.Attempt{again, second}))
		got, err := s.RequestLog(ctx, "r")
		must(t, "RequestLog", err)
		same(t, "RequestLog", got, []store.Attempt{first, second})
	}},
	{"rows come again from many at once and are there once", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(7, 8)), 100)
		atOnce(t, "AppendUsage", 8, nil, func(i int) error {
			return s.AppendUsage(t.Context(), rows[i*5:])
		})
		sameRequests(t, store.UsageFilter{}, pages(t, s, store.UsageFilter{}), chosen(rows, store.UsageFilter{}))
	}},
	{"what was not written whole was not written", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(9, 10)), 100)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, "AppendUsage of nobody who waits", s.AppendUsage(ctx, rows), context.Canceled)
		same(t, "requests", len(pages(t, s, store.UsageFilter{})), 0)
	}},
	{"pages hold each request once, the newest first", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(11, 12)), 100)
		shuffled := slices.Clone(rows)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(rows), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		must(t, "AppendUsage", s.AppendUsage(t.Context(), shuffled))
		for _, limit := range []int{0, 1, 7, 50, 99, 100, 101, 200} {
			f := store.UsageFilter{Limit: limit}
			sameRequests(t, f, pages(t, s, f), chosen(rows, f))
		}
	}},
	{"a page has 50 rows, and at most 200", func(t *testing.T, s store.Store) {
		must(t, "AppendUsage", s.AppendUsage(t.Context(), attempts(rand.New(rand.NewPCG(13, 14)), 250)))
		for limit, wanted := range map[int]int{0: 50, -1: 50, 1000: 200} {
			page, next, err := s.ListRequests(t.Context(), store.UsageFilter{Limit: limit})
			must(t, "ListRequests", err)
			if len(page) != wanted || next == "" {
				t.Errorf("ListRequests(limit %d) = %d rows, cursor %q, want %d and a cursor", limit, len(page), next, wanted)
			}
		}
	}},
	{"requests that come while pages are read move nothing", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(15, 16)), 60)
		must(t, "AppendUsage", s.AppendUsage(t.Context(), rows))
		page, next, err := s.ListRequests(t.Context(), store.UsageFilter{Limit: 20})
		must(t, "ListRequests", err)
		must(t, "AppendUsage", s.AppendUsage(t.Context(), []store.Attempt{{RequestID: "new", N: 1, Final: true, Time: now.Add(time.Hour)}}))
		rest := pages(t, s, store.UsageFilter{Limit: 20, Cursor: next})
		sameRequests(t, store.UsageFilter{}, append(page, rest...), chosen(rows, store.UsageFilter{}))
	}},
	{"filters choose, alone and together", func(t *testing.T, s store.Store) {
		rows := attempts(rand.New(rand.NewPCG(17, 18)), 400)
		must(t, "AppendUsage", s.AppendUsage(t.Context(), rows))
		rng := rand.New(rand.NewPCG(19, 20))
		fields := []func(f *store.UsageFilter){
			func(f *store.UsageFilter) { f.Status = 503 },
			func(f *store.UsageFilter) { f.Outcome = "error" },
			func(f *store.UsageFilter) { f.Provider = "groq" },
			func(f *store.UsageFilter) { f.Model = "smart" },
			func(f *store.UsageFilter) { f.Model = "openai/gpt-5.5" },
			func(f *store.UsageFilter) { f.Model = "groq/openai/gpt-5.5" },
			func(f *store.UsageFilter) { f.KeyID = "k2" },
			func(f *store.UsageFilter) { f.UserID = "u1" },
			func(f *store.UsageFilter) { f.VirtualKeyID = "v2" },
			func(f *store.UsageFilter) { f.Since = now.Add(20 * time.Millisecond) },
			func(f *store.UsageFilter) { f.Until = now.Add(90 * time.Millisecond) },
			func(f *store.UsageFilter) { f.Query = "mine" },
			func(f *store.UsageFilter) { f.Query = "01a" },
			func(f *store.UsageFilter) { f.Query = "01a00001" },
			func(f *store.UsageFilter) { f.Query = rows[5].RequestID },
			func(f *store.UsageFilter) { f.Query = "%" },
			func(f *store.UsageFilter) { f.Query = "' OR 1=1 --" },
		}
		for _, set := range fields {
			f := store.UsageFilter{Limit: 200}
			set(&f)
			sameRequests(t, f, pages(t, s, f), chosen(rows, f))
		}
		for range 60 {
			f := store.UsageFilter{Limit: 1 + rng.IntN(60)}
			for range 2 + rng.IntN(3) {
				fields[rng.IntN(len(fields))](&f)
			}
			sameRequests(t, f, pages(t, s, f), chosen(rows, f))
		}
	}},
	{"what is no cursor is refused", func(t *testing.T, s store.Store) {
		for _, cursor := range []string{"x", "!", "AAAA", strings.Repeat("%", 30)} {
			_, _, err := s.ListRequests(t.Context(), store.UsageFilter{Cursor: cursor})
			want(t, "ListRequests(cursor "+cursor+")", err, store.ErrCursor)
		}
	}},
}
