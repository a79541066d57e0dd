package usagelog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/store"
	"github.com/llmhubd/llmhub/store/sqlstore"
	"github.com/llmhubd/llmhub/store/usagelog"
)

// database is a Writer that can go away.
type database struct {
	mu    sync.Mutex
	away  bool
	slow  time.Duration // a write takes so long
	tries []time.Time
	sizes []int
	ids   []string
	at    map[string]time.Time // when a row was written
}

func (d *database) AppendUsage(ctx context.Context, rows []store.Attempt) error {
	d.mu.Lock()
	d.tries = append(d.tries, time.Now())
	slow := d.slow
	d.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return errors.New("database is away")
	}
	d.sizes = append(d.sizes, len(rows))
	for _, a := range rows {
		d.ids = append(d.ids, a.RequestID)
		if d.at == nil {
			d.at = map[string]time.Time{}
		}
		d.at[a.RequestID] = time.Now()
	}
	return nil
}

func (d *database) setAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func rows(from, n int) []store.Attempt {
	all := make([]store.Attempt, n)
	for i := range all {
		all[i] = store.Attempt{RequestID: strconv.Itoa(from + i), N: 1, Final: true}
	}
	return all
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

func closeLog(t *testing.T, l *usagelog.Log) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
}

func TestRowIsWrittenWithinTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		l := usagelog.New(d, usagelog.Config{})
		defer closeLog(t, l)
		for i := range 5 {
			start := time.Now()
			if err := l.Append(rows(i, 1)...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if at := d.at[strconv.Itoa(i)]; at.IsZero() || at.Sub(start) > 100*time.Millisecond {
				t.Errorf("row %d was written after %v, want within 100ms", i, at.Sub(start))
			}
		}
	})
}

func TestManyRowsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		l := usagelog.New(d, usagelog.Config{})
		defer closeLog(t, l)
		start := time.Now()
		for i := range 256 {
			if err := l.Append(rows(i, 1)...); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if len(d.ids) != 256 || !time.Now().Equal(start) {
			t.Errorf("%d rows written after %v, want 256 at once", len(d.ids), time.Since(start))
		}
	})
}

func TestBatchesAreBoundedAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		l := usagelog.New(d, usagelog.Config{})
		if err := l.Append(rows(0, 2500)...); err != nil {
			t.Fatal(err)
		}
		closeLog(t, l)
		if !slices.Equal(d.sizes, []int{1000, 1000, 500}) {
			t.Errorf("writes of %v rows, want 1000, 1000, 500", d.sizes)
		}
		if !slices.Equal(d.ids, ids(2500)) {
			t.Error("rows were written in another order than appended")
		}
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{away: true}
		var failures int
		l := usagelog.New(d, usagelog.Config{Failed: func(error) { failures++ }})
		for i := range 100 {
			if err := l.Append(rows(10*i, 10)...); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if s := l.Stats(); s.Queued != 1000 || s.Written != 0 {
			t.Errorf("Stats while away = %+v, want 1000 queued", s)
		}
		synctest.Wait()
		if n := len(d.tries); n < 5 || n > 20 {
			t.Errorf("tried %d times in 10 s, want it to back off", n)
		}
		for i := 2; i < len(d.tries); i++ {
			if a, b := d.tries[i-1].Sub(d.tries[i-2]), d.tries[i].Sub(d.tries[i-1]); b < a {
				t.Errorf("try %d came %v after the one before, that one after %v: want growing pauses", i, b, a)
			}
		}
		d.setAway(false)
		time.Sleep(6 * time.Second) // the longest pause
		synctest.Wait()
		if !slices.Equal(d.ids, ids(1000)) {
			t.Errorf("after the outage %d rows are written, want all 1000 in order", len(d.ids))
		}
		if s := l.Stats(); s.Queued != 0 || s.Written != 1000 || s.Failures != int64(failures) || failures == 0 {
			t.Errorf("Stats = %+v, want 1000 written and %d failures", s, failures)
		}
		closeLog(t, l)
	})
}

func TestFullLogRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{away: true}
		l := usagelog.New(d, usagelog.Config{MaxRows: 100, Spare: 10})
		if err := l.Append(rows(0, 90)...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the first rows are being written
		if err := l.Ready(); err != nil {
			t.Errorf("Ready with the spare room free = %v, want nil", err)
		}
		if err := l.Append(rows(90, 1)...); err != nil {
			t.Fatal(err)
		}
		if err := l.Ready(); !errors.Is(err, llmhub.NoAccounting) {
			t.Errorf("Ready without = %v, want %v", err, llmhub.NoAccounting)
		}
		if err := l.Append(rows(91, 9)...); err != nil {
			t.Errorf("Append into the spare room = %v, want nil", err)
		}
		if err := l.Append(rows(100, 1)...); !errors.Is(err, llmhub.NoAccounting) {
			t.Errorf("Append to a full log = %v, want %v", err, llmhub.NoAccounting)
		}
		if s := l.Stats(); s.Queued != 100 || s.Refused != 1 {
			t.Errorf("Stats = %+v, want 100 queued, 1 refused", s)
		}
		d.setAway(false)
		closeLog(t, l)
		if !slices.Equal(d.ids, ids(100)) {
			t.Errorf("%d rows written, want the 100 that were taken", len(d.ids))
		}
	})
}

func TestAppendTakesAllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{}
		l := usagelog.New(d, usagelog.Config{MaxRows: 3})
		if err := l.Append(rows(0, 4)...); !errors.Is(err, llmhub.NoAccounting) {
			t.Errorf("Append(4 of 3) = %v, want %v", err, llmhub.NoAccounting)
		}
		closeLog(t, l)
		if len(d.ids) != 0 {
			t.Errorf("%d rows written, want none", len(d.ids))
		}
	})
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{away: true}
		l := usagelog.New(d, usagelog.Config{})
		if err := l.Append(rows(0, 10)...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		time.AfterFunc(3*time.Second, func() { d.setAway(false) })
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := l.Close(ctx); err != nil || len(d.ids) != 10 {
			t.Errorf("Close = %v with %d rows written, want nil with 10", err, len(d.ids))
		}
		if err := l.Append(rows(10, 1)...); !errors.Is(err, llmhub.NoAccounting) {
			t.Errorf("Append after Close = %v, want %v", err, llmhub.NoAccounting)
		}
		if err := l.Ready(); !errors.Is(err, llmhub.NoAccounting) {
			t.Errorf("Ready after Close = %v, want %v", err, llmhub.NoAccounting)
		}
		if err := l.Close(ctx); err != nil {
			t.Errorf("second Close = %v, want nil", err)
		}
	})
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	for name, d := range map[string]*database{
		"the database is away":  {away: true},
		"a write does not end":  {slow: time.Hour},
		"it is away and silent": {away: true, slow: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := usagelog.New(d, usagelog.Config{})
				if err := l.Append(rows(0, 10)...); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				err := l.Close(ctx)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Close = %v, want %v", err, context.DeadlineExceeded)
				}
				if took := time.Since(start); took != 2*time.Second {
					t.Errorf("Close took %v, want 2s", took)
				}
				if s := l.Stats(); s.Lost != 10 || s.Queued != 0 {
					t.Errorf("Stats = %+v, want 10 lost", s)
				}
			})
		})
	}
}

func TestSilentWriteIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{slow: time.Hour}
		l := usagelog.New(d, usagelog.Config{})
		if err := l.Append(rows(0, 1)...); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		d.mu.Lock()
		d.slow = 0
		d.mu.Unlock()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(d.ids) != 1 {
			t.Errorf("%d rows written after a write that did not end, want 1", len(d.ids))
		}
		closeLog(t, l)
	})
}

func TestAppendAtOnce(t *testing.T) {
	d := &database{}
	l := usagelog.New(d, usagelog.Config{Delay: time.Millisecond})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				if err := l.Append(store.Attempt{RequestID: fmt.Sprintf("%d-%04d", g, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	closeLog(t, l)
	if len(d.ids) != 4000 || len(d.at) != 4000 {
		t.Errorf("%d rows written, %d different, want 4000", len(d.ids), len(d.at))
	}
	last := map[string]string{}
	for _, id := range d.ids {
		if g := id[:1]; id <= last[g] {
			t.Fatalf("row %s was written after %s", id, last[g])
		} else {
			last[g] = id
		}
	}
}

// discard takes everything.
type discard struct{}

func (discard) AppendUsage(context.Context, []store.Attempt) error { return nil }

func BenchmarkAppend(b *testing.B) {
	l := usagelog.New(discard{}, usagelog.Config{MaxRows: 1 << 20})
	a := store.Attempt{RequestID: "01a0", N: 1, Final: true, Provider: "openai", Input: 1200}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Append(a); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSustained appends as fast as SQLite takes the rows.
func BenchmarkSustained(b *testing.B) {
	s, err := sqlstore.Open(b.Context(), sqlstore.Config{URL: "sqlite://" + filepath.Join(b.TempDir(), "hub.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l := usagelog.New(s, usagelog.Config{})
	now := time.Now()
	n := 0
	for b.Loop() {
		n++
		now = now.Add(time.Millisecond)
		a := store.Attempt{RequestID: llmhub.NewID(now).String(), N: 1, Final: true, Time: now, VirtualKeyID: "vk-1", UserID: "u-1",
			Dialect: "openai-chat", Model: "smart", RequestStatus: 200, RequestOutcome: "ok", Attempts: 1, RequestDuration: time.Second,
			Provider: "openai", ServedModel: "gpt-5.5", KeyID: "key-1", StartedAt: now, Duration: time.Second, Status: 200, Outcome: "ok",
			WhyChosen: "priority 0", Charged: 1, Input: 1200, Output: 300}
		for l.Append(a) != nil {
			time.Sleep(time.Millisecond)
		}
	}
	if err := l.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}
