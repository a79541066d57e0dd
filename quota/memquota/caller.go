package memquota

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

const shards = 64 // a set of them is a uint64

// callers are the limits of callers, made when they are first named and
// forgotten when nothing is held on them and their window is over.
type callers struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	buckets map[bucketName]*bucket
	sweepAt int   // forget when there are so many
	floor   int64 // no window begins before: what was forgotten is over
	_       [64]byte
}

// bucketName tells buckets apart: a name may be used with several windows.
type bucketName struct {
	name string
	per  time.Duration
}

// bucket is what is used and held of one limit.
type bucket struct {
	per        int64 // 0: what is in flight
	n, end     int64
	used, held llmhub.Amount
	leases     int
}

// hold is an amount that a lease holds in a bucket.
type hold struct {
	bucket *bucket
	shard  int
	window int64
	amount llmhub.Amount
}

const fewBuckets = 64

func (c *callers) init() {
	c.seed = maphash.MakeSeed()
	for i := range c.shards {
		c.shards[i].buckets = map[bucketName]*bucket{}
		c.shards[i].sweepAt = fewBuckets
	}
}

func (c *callers) shardOf(name string) int { return int(maphash.String(c.seed, name) % shards) }

// lock locks the shards of the limits in ascending order and returns the set.
func (c *callers) lock(limits []llmhub.Limit) uint64 {
	var set uint64
	for i := range limits {
		set |= 1 << c.shardOf(limits[i].Name)
	}
	for rest := set; rest != 0; rest &= rest - 1 {
		c.shards[bits.TrailingZeros64(rest)].mu.Lock()
	}
	return set
}

func (c *callers) unlock(set uint64) {
	for ; set != 0; set &= set - 1 {
		c.shards[bits.TrailingZeros64(set)].mu.Unlock()
	}
}

// check adds to holds what l is asked to hold, or says why it refuses. A bucket
// that is named twice must fit both bounds, and is held once.
func (c *callers) check(holds []hold, l *llmhub.Limit, a llmhub.Amount, admitted bool, now int64) ([]hold, error) {
	i := c.shardOf(l.Name)
	b := c.shards[i].bucket(l, now)
	requests := a.Requests
	if admitted { // the request itself was counted by its first attempt
		a.Requests = 0
	}
	if what := b.refuses(l.Max, a); what != "" {
		return holds, b.refusal(l, a, what, now)
	}
	for j := range holds {
		if holds[j].bucket == b {
			return holds, nil
		}
	}
	if admitted && b.per == 0 {
		a.Requests = requests // it goes on holding its slot
	}
	return append(holds, hold{bucket: b, shard: i, window: b.n, amount: a}), nil
}

// bucket returns the bucket of a limit, in the window of now.
func (s *shard) bucket(l *llmhub.Limit, now int64) *bucket {
	name := bucketName{l.Name, max(l.Per, 0)}
	b := s.buckets[name]
	if b == nil {
		if len(s.buckets) >= s.sweepAt {
			s.sweep(now)
		}
		b = &bucket{per: int64(name.per)}
		b.roll(max(now, s.floor))
		s.buckets[name] = b
		return b
	}
	if b.per > 0 && now >= b.end {
		b.roll(now)
	}
	return b
}

// roll starts the window of now.
func (b *bucket) roll(now int64) {
	if b.per > 0 {
		b.n = floorDiv(now, b.per)
		b.end = (b.n + 1) * b.per
	}
	b.used, b.held = llmhub.Amount{}, llmhub.Amount{}
}

// refuses names the bound that has no room for a, if one has none. What asks for
// nothing is not refused.
func (b *bucket) refuses(most, a llmhub.Amount) string {
	switch {
	case a.Requests > 0 && most.Requests > 0 && a.Requests > most.Requests-b.used.Requests-b.held.Requests:
		return "requests"
	case a.Tokens > 0 && most.Tokens > 0 && a.Tokens > most.Tokens-b.used.Tokens-b.held.Tokens:
		return "tokens"
	case a.NanoUSD > 0 && most.NanoUSD > 0 && a.NanoUSD > most.NanoUSD-b.used.NanoUSD-b.held.NanoUSD:
		return "dollars"
	}
	return ""
}

// refusal words the refusal for the caller.
func (b *bucket) refusal(l *llmhub.Limit, a llmhub.Amount, what string, now int64) error {
	err := &llmhub.Error{Kind: llmhub.QuotaExceeded, Param: l.Name}
	most, asked := l.Max.Requests, a.Requests
	switch what {
	case "tokens":
		most, asked = l.Max.Tokens, a.Tokens
	case "dollars":
		most, asked = l.Max.NanoUSD, a.NanoUSD
		err.Kind = llmhub.BudgetExceeded
	}
	switch {
	case asked > most:
		err.Message = fmt.Sprintf("This request may use more %s than your whole limit; make it smaller.", what)
	case b.per == 0:
		err.Message = fmt.Sprintf("Your limit of %s in flight at once is reached; wait for an answer to end.", what)
	default:
		err.RetryAfter = time.Duration(b.end - now)
		err.Message = fmt.Sprintf("Your limit of %s is used up; wait as Retry-After says.", what)
	}
	return err
}

// take holds the amount. The shard is locked.
func (h *hold) take() {
	b := h.bucket
	b.leases++
	b.held.Requests += h.amount.Requests
	b.held.Tokens += h.amount.Tokens
	b.held.NanoUSD += h.amount.NanoUSD
}

// settle turns what was held into what was used, in its own window. A request
// that was admitted stays counted; what was in flight no longer is.
func (c *callers) settle(h *hold, used llmhub.Amount, now int64) {
	s := &c.shards[h.shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := h.bucket
	b.leases--
	if b.per > 0 && now >= b.end {
		b.roll(now)
	}
	if b.n != h.window {
		return
	}
	b.held.Requests -= h.amount.Requests
	b.held.Tokens -= h.amount.Tokens
	b.held.NanoUSD -= h.amount.NanoUSD
	if b.per > 0 {
		b.used.Requests += h.amount.Requests
		b.used.Tokens += used.Tokens
		b.used.NanoUSD += used.NanoUSD
	}
}

// sweep forgets the buckets that nobody uses.
func (c *callers) sweep(now int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.sweep(now)
		s.mu.Unlock()
	}
}

func (s *shard) sweep(now int64) {
	for name, b := range s.buckets {
		if b.leases == 0 && (b.per == 0 || now >= b.end) {
			delete(s.buckets, name)
			s.floor = max(s.floor, b.end)
		}
	}
	s.sweepAt = max(fewBuckets, 2*len(s.buckets))
}

// LimitStatus is what is used and held of a caller's limit.
type LimitStatus struct {
	Used, Reserved llmhub.Amount
	ResetsAt       time.Time // zero: the limit is of what is in flight
}

// Limit returns how a caller's limit stands, for a header or a page.
func (s *Store) Limit(l llmhub.Limit) LimitStatus {
	now := s.now()
	sh := &s.callers.shards[s.callers.shardOf(l.Name)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	b := sh.bucket(&l, now)
	st := LimitStatus{Used: b.used, Reserved: b.held}
	if b.per > 0 {
		st.ResetsAt = time.Unix(0, b.end)
	}
	return st
}
