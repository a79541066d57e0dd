package memquota_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/quota/memquota"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestClockDaysOfAZoneEndWithTheirDate(t *testing.T) {
	for _, tt := range []struct {
		name, zone, in, end string // RFC 3339
	}{
		{"an ordinary Pacific day", "America/Los_Angeles", "2026-01-10T12:00:00-08:00", "2026-01-11T00:00:00-08:00"},
		{"a Pacific day of 23 hours", "America/Los_Angeles", "2026-03-08T00:00:00-08:00", "2026-03-09T00:00:00-07:00"},
		{"a Pacific day of 25 hours", "America/Los_Angeles", "2026-11-01T00:00:00-07:00", "2026-11-02T00:00:00-08:00"},
		{"its second half past one", "America/Los_Angeles", "2026-11-01T01:30:00-08:00", "2026-11-02T00:00:00-08:00"},
		{"the last second of a year", "America/Los_Angeles", "2026-12-31T23:59:59-08:00", "2027-01-01T00:00:00-08:00"},
		{"the day before one without a midnight", "America/Sao_Paulo", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00"},
		{"a day whose last hour comes twice", "America/Sao_Paulo", "2019-02-16T12:00:00-02:00", "2019-02-17T00:00:00-03:00"},
		{"the day before one that was left out", "Pacific/Apia", "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"},
		{"a zone ahead of UTC", "Asia/Kolkata", "2026-05-01T23:00:00+05:30", "2026-05-02T00:00:00+05:30"},
		{"UTC", "UTC", "2026-05-01T23:00:00Z", "2026-05-02T00:00:00Z"},
		{"a leap day", "America/Los_Angeles", "2028-02-29T12:00:00-08:00", "2028-03-01T00:00:00-08:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, want := instant(t, tt.in), instant(t, tt.end)
			s := memquota.New(memquota.Config{Now: func() time.Time { return now }})
			s.SetKeys([]memquota.Key{{ID: "a", Provider: "acme", Zone: zone(t, tt.zone)}})
			st, _ := s.Status("a")
			if !st.ResetsAt.Equal(want) {
				t.Errorf("the day of %s in %s resets at %v, want %v", tt.in, tt.zone, st.ResetsAt.UTC(), want.UTC())
			}
			day := st.Window
			now = want.Add(-time.Nanosecond)
			if st, _ := s.Status("a"); st.Window != day {
				t.Errorf("a nanosecond before %s it is day %d, want still %d", tt.end, st.Window, day)
			}
			now = want
			if st, _ := s.Status("a"); st.Window <= day {
				t.Errorf("at %s it is day %d, want one after %d", tt.end, st.Window, day)
			}
		})
	}
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestClockEveryDayOfThreeYearsResetsOnce steps through Pacific time by the
// quarter of an hour.
func TestClockEveryDayOfThreeYearsResetsOnce(t *testing.T) {
	pacific := zone(t, "America/Los_Angeles")
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, pacific)
	end := now.AddDate(3, 0, 0)
	s := memquota.New(memquota.Config{Now: func() time.Time { return now }})
	s.SetKeys([]memquota.Key{{ID: "a", Provider: "gemini", Zone: pacific}})
	resets, odd := 0, 0
	st, _ := s.Status("a")
	for began := now; now.Before(end); now = now.Add(15 * time.Minute) {
		next, _ := s.Status("a")
		if next.Window == st.Window {
			continue
		}
		resets++
		if next.Window != st.Window+1 || now.In(pacific).Hour() != 0 || now.In(pacific).Minute() != 0 {
			t.Errorf("at %v the day goes from %d to %d, want the next at midnight", now.In(pacific), st.Window, next.Window)
		}
		if d := now.Sub(began); d != 24*time.Hour {
			odd++
		}
		st, began = next, now
	}
	if want := 365 + 365 + 366 - 1; resets != want {
		t.Errorf("%d resets in 3 years, want %d", resets, want)
	}
	if odd != 6 {
		t.Errorf("%d days had not 24 hours, want 6", odd)
	}
}

func TestClockJumpsResetNothingTwice(t *testing.T) {
	for _, jump := range []time.Duration{time.Second, -time.Second, time.Hour, -time.Hour, 48 * time.Hour, -48 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			now := start.Add(23*time.Hour + 59*time.Minute + 59*time.Second)
			s := memquota.New(memquota.Config{Now: func() time.Time { return now }})
			s.SetKeys([]memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 1, Anchor: start}})
			resets := 0
			st, _ := s.Status("a")
			look := func() {
				next, _ := s.Status("a")
				if next.Window < st.Window {
					t.Errorf("the clock jumps by %v, and day %d comes after %d", jump, next.Window, st.Window)
				}
				if next.Window > st.Window {
					resets++
				}
				st = next
			}
			for range 3 {
				now = now.Add(jump)
				look()
				now = now.Add(-jump)
				look()
			}
			now = now.Add(time.Second)
			look()
			if resets != 1 {
				t.Errorf("the clock jumps by %v and back, and a midnight: %d resets, want 1", jump, resets)
			}
		})
	}
}

// TestClockOfItsOwnIsMonotonic runs on the store's own clock, in a bubble.
func TestClockOfItsOwnIsMonotonic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memquota.New(memquota.Config{})
		s.SetKeys([]memquota.Key{{ID: "a", Provider: "acme", DailyRequests: 1}})
		reserve(t, s, "acme")
		before, _ := s.Status("a")
		if d := time.Until(before.ResetsAt); d != 24*time.Hour {
			t.Errorf("a key's day ends %v after it was first seen, want 24h", d)
		}
		time.Sleep(24*time.Hour - time.Nanosecond)
		refused(t, s, "acme", llmhub.RateLimited)
		time.Sleep(time.Nanosecond)
		reserve(t, s, "acme")
	})
}
