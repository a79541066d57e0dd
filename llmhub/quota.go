package llmhub

import (
	"context"
	"time"
)

// A QuotaStore chooses a provider key and holds what an attempt may use, on the
// key and on the caller's limits: on all of them or on none. It is safe for
// concurrent use.
//
// Reserve fails with [NoProvider] when the provider has no key that could ever
// serve this, with [RateLimited] when none is ready now (RetryAfter: when the
// first will be), with [QuotaExceeded] ([BudgetExceeded] for money) when a limit
// of the caller refused, and with [RequestTooLarge] when the amount is above the
// whole limit of every key that could serve. [ModelNotFound] says that the
// provider is known to have no such model.
// Settle ends a lease; a lease ends once, so settling again does nothing; one
// that is never settled expires, and is charged as reserved. Its context does not
// end with the request, so a store bounds its own waiting.
type QuotaStore interface {
	Reserve(ctx context.Context, r Reservation) (Lease, error)
	Settle(ctx context.Context, l Lease, o Outcome) error
}

// An Observer is a QuotaStore that wants to know when a lease's answer has begun
// to come, which may be long before its stream ends: a key that was being tried
// is good again from then on. It is told once a lease at most, and may not be of
// an answer that comes whole.
type Observer interface {
	Answers(l Lease)
}

// Amount is what an attempt uses or may use.
type Amount struct {
	Requests int64
	Tokens   int64
	NanoUSD  int64
}

// Reservation asks for room for one attempt.
type Reservation struct {
	Request ID // with Attempt, names the attempt in every record
	// Attempt counts from 1. A lease that ended before anything was sent leaves
	// its number to the next.
	Attempt  int
	Provider string
	Model    string // the provider's name for it
	Amount   Amount
	Caller   Caller  // its Limits are held too
	Tried    []KeyID // keys that have already answered this request
	TTL      time.Duration
	// Admitted says that an earlier attempt of this request was granted a lease.
	// The caller's requests were counted then and are not again; a slot in flight
	// is taken again without being refused.
	Admitted bool
}

// Lease is room held on a key: a value that any process may settle.
type Lease struct {
	Reservation
	Key     KeyID
	Expires time.Time
	Handle  uint64   // the store's own
	Why     string   // why this key, for the record
	Passed  []Passed // keys it was preferred to because they could not serve
}

// Passed is a key that could not serve, and why.
type Passed struct {
	Key   KeyID
	State KeyState // active: its limit is used up
	Until time.Time
	Why   string
}

// Outcome says how an attempt ended.
type Outcome struct {
	Used    Amount // charged; zero when nothing was dispatched or the refusal was free
	Loss    bool   // the operator's: no tokens or money are charged to the caller's limits
	Usage   Usage
	Verdict Verdict
	Status  int
	Kind    Kind // "" when all went well
	TTFT    time.Duration
	Took    time.Duration
}

// KeyState is what a provider key can do now.
type KeyState string

// The states of a key. KeyUntold is no state: an answer that says nothing about
// its key.
const (
	KeyUntold    KeyState = ""
	KeyActive    KeyState = "active"
	KeyCooling   KeyState = "cooling"   // rate limited, until a time
	KeyExhausted KeyState = "exhausted" // its day's quota is used up, until the reset
	KeyInvalid   KeyState = "invalid"   // refused by the provider, until somebody acts
	KeyUnfunded  KeyState = "unfunded"  // no money, until somebody pays
	KeyDisabled  KeyState = "disabled"  // switched off by an operator
)

// Verdict is what an answer said about the key that was used.
type Verdict struct {
	State KeyState
	Until time.Time // zero: the store's own default
	Model bool      // it holds for this model with this key only
	Sure  bool      // invalid: the provider said so explicitly, one answer is enough
}
