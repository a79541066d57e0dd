package auth

import (
	"sync"
	"time"
)

// rate is a generic cell rate: burst at once, then one every interval.
type rate struct {
	burst int
	every time.Duration
}

// throttle counts tries by name. It is safe for concurrent use.
type throttle struct {
	rate rate
	now  func() time.Time

	mu  sync.Mutex
	tat map[string]time.Time // theoretical arrival time of the next try
}

// maxNames is how many names are kept. When there are more, those that would
// wait least go first, which only helps who has not tried much.
const maxNames = 50_000

func newThrottle(r rate, now func() time.Time) *throttle {
	return &throttle{rate: r, now: now, tat: map[string]time.Time{}}
}

// take counts a try. It returns how long to wait when there have been too many,
// and then counts none.
func (t *throttle) take(name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	tat := t.tat[name]
	if tat.Before(now) {
		tat = now
	}
	if wait := tat.Sub(now) - time.Duration(t.rate.burst-1)*t.rate.every; wait > 0 {
		return wait
	}
	if len(t.tat) >= maxNames {
		t.prune(now)
	}
	t.tat[name] = tat.Add(t.rate.every)
	return 0
}

// giveBack takes a try back: it went well.
func (t *throttle) giveBack(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tat, ok := t.tat[name]; ok {
		t.tat[name] = tat.Add(-t.rate.every)
	}
}

// forget clears a name.
func (t *throttle) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tat, name)
}

func (t *throttle) prune(now time.Time) {
	for _, slack := range []time.Duration{0, t.rate.every, time.Duration(t.rate.burst) * t.rate.every} {
		for name, tat := range t.tat {
			if !tat.After(now.Add(slack)) {
				delete(t.tat, name)
			}
		}
		if len(t.tat) < maxNames/2 {
			return
		}
	}
	clear(t.tat)
}
