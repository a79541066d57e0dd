package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/sqlstore"
)

// traffic makes rows as a busy server does: one in ten requests takes two
// attempts, one in a hundred fails, a few keys and users, in the order of time.
type traffic struct {
	rng *rand.Rand
	now time.Time
}

func newTraffic() *traffic {
	return &traffic{rand.New(rand.NewPCG(1, 2)), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
}

func (tr *traffic) rows(n int) []store.Attempt {
	rows := make([]store.Attempt, 0, n+1)
	for len(rows) < n {
		tr.now = tr.now.Add(time.Duration(tr.rng.IntN(20)) * time.Millisecond)
		key := tr.rng.IntN(5)
		a := store.Attempt{
			RequestID: llmhub.NewID(tr.now).String(), N: 1, Final: true, Time: tr.now,
			UserID: fmt.Sprintf("user-%04d", tr.rng.IntN(100)), VirtualKeyID: fmt.Sprintf("vk-%06d", tr.rng.IntN(1000)),
			Dialect: "openai-chat", Model: []string{"smart", "fast", "cheap"}[tr.rng.IntN(3)], Stream: tr.rng.IntN(2) == 0,
			RequestStatus: 200, RequestOutcome: "ok", Attempts: 1, RequestTTFT: 412 * time.Millisecond, RequestDuration: 2 * time.Second,
			Provider: []string{"openai", "anthropic", "gemini", "deepseek", "groq"}[key], ServedModel: "gpt-5.5", KeyID: fmt.Sprintf("key-%02d", key),
			StartedAt: tr.now.Add(time.Millisecond), TTFT: 400 * time.Millisecond, Duration: 2 * time.Second, Status: 200, Outcome: "ok",
			WhyChosen: "priority 0, most headroom", Charged: 1, Input: 1200 + int64(tr.rng.IntN(900)), CacheRead: 800, Output: 300 + int64(tr.rng.IntN(900)),
		}
		switch tr.rng.IntN(100) {
		case 0:
			a.RequestStatus, a.RequestOutcome, a.RequestError = 503, "error", "all_attempts_failed"
			a.Status, a.Outcome, a.ErrorCode = 500, "error", "upstream_failed"
		case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
			first := a
			first.Final, first.Status, first.Outcome, first.ErrorCode, first.WhyLeft = false, 429, "error", "rate_limited", "rate limited"
			rows = append(rows, first)
			a.N, a.Attempts = 2, 2
		}
		rows = append(rows, a)
	}
	return rows
}

func open(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(context.Background(), sqlstore.Config{URL: "sqlite://" + filepath.Join(tb.TempDir(), "hub.db")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// BenchmarkAppendUsage writes 1,000 rows a transaction into a growing log.
func BenchmarkAppendUsage(b *testing.B) {
	for _, size := range []int{100, 256, 1000} {
		b.Run(fmt.Sprintf("rows=%d", size), func(b *testing.B) {
			s, tr, ctx := open(b), newTraffic(), context.Background()
			batches := make([][]store.Attempt, 50)
			for i := range batches {
				batches[i] = tr.rows(size)
			}
			var rows int
			var cpu time.Duration
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(batches) == 0 && i > 0 {
					b.StopTimer()
					for i := range batches {
						batches[i] = tr.rows(size)
					}
					b.StartTimer()
				}
				batch := batches[i%len(batches)]
				before := processCPU(b)
				if err := s.AppendUsage(ctx, batch); err != nil {
					b.Fatal(err)
				}
				cpu += processCPU(b) - before
				rows += len(batch)
			}
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(rows), "cpu-ns/row")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
		})
	}
}

// BenchmarkListRequests reads the first and a deep page of a log of 200,000
// rows, or LLMHUB_BENCH_ROWS, and what each filter makes of that.
func BenchmarkListRequests(b *testing.B) {
	s, tr, ctx := open(b), newTraffic(), b.Context()
	size := 200_000
	if n, err := strconv.Atoi(os.Getenv("LLMHUB_BENCH_ROWS")); err == nil {
		size = n
	}
	start := tr.now
	var last []store.Attempt
	for range size / 1000 {
		last = tr.rows(1000)
		if err := s.AppendUsage(ctx, last); err != nil {
			b.Fatal(err)
		}
	}
	middle := start.Add(tr.now.Sub(start) / 2)
	for _, tt := range []struct {
		name string
		f    store.UsageFilter
	}{
		{"first", store.UsageFilter{}},
		{"deep", store.UsageFilter{Until: middle}},
		{"errors", store.UsageFilter{Outcome: "error"}},
		{"provider", store.UsageFilter{Provider: "groq"}},
		{"served", store.UsageFilter{Model: "groq/gpt-5.5"}},
		{"user", store.UsageFilter{UserID: "user-0042"}},
		{"virtual-key", store.UsageFilter{VirtualKeyID: "vk-000042"}},
		{"key-of-nobody", store.UsageFilter{KeyID: "none"}},
		{"status-of-nobody", store.UsageFilter{Status: 418, VirtualKeyID: "vk-000042"}},
		{"id", store.UsageFilter{Query: last[0].RequestID}},
		{"short-prefix", store.UsageFilter{Query: last[0].RequestID[:6]}},
		{"long-prefix", store.UsageFilter{Query: last[0].RequestID[:9]}},
		{"short-of-nobody", store.UsageFilter{Query: "zzz"}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.ListRequests(ctx, tt.f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
