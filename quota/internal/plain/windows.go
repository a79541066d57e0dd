package plain

import "time"

// windows are the numbers of a key's day and minute; neither ever falls.
func (s *Store) windows(k *keyState, now time.Time) (day, minute int64) {
	if !k.looked.Equal(now) {
		k.looked = now
		k.day, k.minute = s.look(k, now)
	}
	return k.day, k.minute
}

func (s *Store) look(k *keyState, now time.Time) (day, minute int64) {
	if s.fault == UTCDays && k.Zone != nil {
		day = floor(now.Sub(time.Unix(0, 0)), 24*time.Hour)
	} else {
		day = dayOf(k, now, s.fault)
	}
	minute = floor(now.Sub(k.Anchor), time.Minute)
	if s.fault == ClockIsGod {
		return day, minute
	}
	if s.fault == NeverRolls && (k.scope.day != 0 || k.scope.minute != 0) {
		return k.scope.day, k.scope.minute
	}
	if s.fault == NoMinuteRoll && k.scope.minute != 0 {
		minute = k.scope.minute
	}
	if k.scope.day == 0 && k.scope.minute == 0 { // its first look: an anchor may lie ahead
		k.scope.day, k.scope.minute = day, minute
	}
	k.scope.day, k.scope.minute = max(k.scope.day, day), max(k.scope.minute, minute)
	return k.scope.day, k.scope.minute
}

func dayOf(k *keyState, t time.Time, fault Fault) int64 {
	if k.Zone == nil {
		anchor := k.Anchor
		if fault == MidnightDays {
			anchor = time.Unix(0, 0)
		}
		return floor(t.Sub(anchor), 24*time.Hour)
	}
	if fault == FlatDays { // of 86,400 s from a winter's midnight
		_, offset := time.Date(2026, time.January, 1, 0, 0, 0, 0, k.Zone).Zone()
		return floor(t.Add(time.Duration(offset)*time.Second).Sub(time.Unix(0, 0)), 24*time.Hour)
	}
	y, m, d := t.In(k.Zone).Date()
	return floor(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(time.Unix(0, 0)), 24*time.Hour)
}

// dayEnd goes through the hours, and then the seconds, to the first later day.
func (s *Store) dayEnd(k *keyState, n int64) time.Time {
	if k.Zone == nil {
		anchor := k.Anchor
		if s.fault == MidnightDays {
			anchor = time.Unix(0, 0)
		}
		return anchor.Add(time.Duration(n+1) * 24 * time.Hour)
	}
	if k.ends.day == n && !k.ends.at.IsZero() {
		return k.ends.at
	}
	t := time.Unix(n*86400, 0).Add(-15 * time.Hour)
	for dayOf(k, t.Add(time.Hour), s.fault) <= n {
		t = t.Add(time.Hour)
	}
	for dayOf(k, t, s.fault) <= n {
		t = t.Add(time.Second)
	}
	k.ends.day, k.ends.at = n, t
	return t
}

func (s *Store) minuteEnd(k *keyState, n int64) time.Time {
	return k.Anchor.Add(time.Duration(n+1) * time.Minute)
}

// window is the number of the window of a caller's limit; it never falls.
func (s *Store) window(sp span, now time.Time) int64 {
	if sp.per <= 0 {
		return 0
	}
	n := floor(now.Sub(time.Unix(0, 0)), sp.per)
	if s.fault == ClockIsGod {
		return n
	}
	if s.fault == NeverRolls && s.high[sp] != 0 {
		return s.high[sp]
	}
	s.high[sp] = max(s.high[sp], n)
	return s.high[sp]
}

func floor(d, by time.Duration) int64 {
	n := d / by
	if d%by < 0 {
		n--
	}
	return int64(n)
}
