package memquota

import (
	"math"

	"github.com/llmhubd/llmhub/llmhub"
)

// probe says which gates a lease went through as the one that tries them.
type probe uint8

const (
	probesScope probe = 1 << iota
	probesKey
	probesMoney
)

// slot is a live lease.
type slot struct {
	index      uint32
	generation uint32 // odd while the lease lives, and so is a handle's
	request    llmhub.ID
	attempt    int
	key        *key
	scope      *scope
	model      string
	day        int64 // windows that it was taken in
	minute     int64
	amount     count
	expires    int64
	seq        uint64 // of the pool, when it was granted
	probe      probe
	holds      []hold
}

// release opens the gates to the next one that tries them, and returns which
// they were.
func (sl *slot) release() probe {
	if sl.probe&probesScope != 0 {
		sl.scope.cooling.busy = false
	}
	if sl.probe&probesKey != 0 {
		sl.key.doubt.busy = false
	}
	if sl.probe&probesMoney != 0 {
		sl.key.money.busy = false
	}
	return sl.probe
}

// slab holds the leases of a pool. A handle is pool, generation and slot; it is
// good until the slot is freed.
type slab struct {
	slots []slot
	empty []uint32
}

const (
	slotBits = 24
	genBits  = 24
	slotMask = 1<<slotBits - 1
	genMask  = 1<<genBits - 1
)

// alloc returns an empty slot, good until the next alloc, and its handle.
func (s *slab) alloc(pool int) (*slot, uint64) {
	var i uint32
	if n := len(s.empty); n > 0 {
		i, s.empty = s.empty[n-1], s.empty[:n-1]
	} else {
		i = uint32(len(s.slots))
		s.slots = append(s.slots, slot{index: i})
	}
	sl := &s.slots[i]
	sl.generation++
	return sl, uint64(pool)<<(slotBits+genBits) | uint64(sl.generation&genMask)<<slotBits | uint64(i)
}

// find returns the slot of a lease that lives, or nil.
func (s *slab) find(l *llmhub.Lease) *slot {
	i := int(l.Handle & slotMask)
	if i >= len(s.slots) {
		return nil
	}
	sl := &s.slots[i]
	if uint64(sl.generation&genMask) != l.Handle>>slotBits&genMask || sl.request != l.Request || sl.attempt != l.Attempt {
		return nil
	}
	return sl
}

func (sl *slot) live() bool { return sl.generation&1 == 1 }

func (s *slab) free(sl *slot) {
	sl.generation++
	clear(sl.holds)
	sl.key, sl.scope, sl.model, sl.holds = nil, nil, "", sl.holds[:0]
	s.empty = append(s.empty, sl.index)
}

// poolOf returns the pool of a handle, or nil.
func (s *Store) poolOf(handle uint64) *pool {
	list := s.pools.Load().list
	if i := int(handle >> (slotBits + genBits)); i < len(list) {
		return list[i]
	}
	return nil
}

// expire ends the leases that are over, charged as reserved, and returns what
// they hold of callers' limits, and when the next of the pool is over.
func (p *pool) expire(now int64) (holds []hold, soonest int64) {
	soonest = math.MaxInt64
	for i := range p.slab.slots {
		sl := &p.slab.slots[i]
		switch {
		case !sl.live():
		case sl.expires > now:
			soonest = min(soonest, sl.expires)
		default:
			p.charge(sl, llmhub.Amount{Requests: sl.amount.requests, Tokens: sl.amount.tokens})
			sl.release()
			holds = append(holds, sl.holds...)
			p.slab.free(sl)
		}
	}
	return holds, soonest
}
