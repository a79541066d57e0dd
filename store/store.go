// Package store says what llmhubd remembers: users, sessions, provider keys,
// virtual keys, usage, settings.
package store

import (
	"context"
	"errors"
	"time"
)

// What a store answers when a thing is not there, or is there already.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrConflict = errors.New("changed meanwhile")
	ErrCursor   = errors.New("not a cursor of this list")
)

// Role is what an account may do.
type Role string

// The roles: admin all; operator all but users and settings; viewer reads what
// an operator reads; user only its own usage.
const (
	RoleAdmin    Role = "admin"
	RoleOperator Role = "operator"
	RoleViewer   Role = "viewer"
	RoleUser     Role = "user"
)

// User is an account.
type User struct {
	ID           string
	Email        string // lower case, unique
	PasswordHash string // PHC string of argon2id
	Role         Role
	Disabled     bool
	Epoch        int64 // raised when every session of the account must end
	LastLogin    time.Time
	CreatedAt    time.Time
}

// Users are the accounts.
type Users interface {
	// CreateUser adds an account: ErrExists when the email is taken.
	CreateUser(ctx context.Context, u User) error
	// CreateFirstAdmin adds u as the first account there is, exactly once ever:
	// ErrExists when there has been one. setupToken, when not "", is the hash of
	// an unused setup token, which is spent in the same step: ErrNotFound when
	// there is none such.
	CreateFirstAdmin(ctx context.Context, u User, setupToken string) error
	// HasAdmin reports whether the first admin has been made.
	HasAdmin(ctx context.Context) (bool, error)
	// PutSetupToken replaces the setup token by the one with this hash.
	PutSetupToken(ctx context.Context, hash string, expires time.Time) error
	User(ctx context.Context, id string) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	ListUsers(ctx context.Context) ([]User, error)
	// UpdateUser changes an account under change, which sees it as it is now;
	// ErrConflict when it would leave no enabled admin.
	UpdateUser(ctx context.Context, id string, change func(*User) error) (User, error)
	// DeleteUser removes an account with its sessions and virtual keys;
	// ErrConflict when it is the last enabled admin.
	DeleteUser(ctx context.Context, id string) error
}

// Session is a family of refresh tokens that descend from one login.
type Session struct {
	ID         string // of the family
	UserID     string
	Generation int64 // of the newest token given out
	Used       bool  // the newest has been used for a request, so an older one is theft
	UserAgent  string
	IP         string
	CreatedAt  time.Time
	RotatedAt  time.Time
	ExpiresAt  time.Time // 30 days after CreatedAt, or 14 after RotatedAt
}

// Sessions are the logins that are alive.
type Sessions interface {
	CreateSession(ctx context.Context, s Session) error
	Session(ctx context.Context, id string) (Session, error)
	// UpdateSession changes a session under change in one transaction. When
	// change returns an error nothing is written and that error comes back.
	UpdateSession(ctx context.Context, id string, change func(*Session) error) (Session, error)
	ListSessions(ctx context.Context, userID string) ([]Session, error)
	DeleteSession(ctx context.Context, id string) error
	// DeleteSessions ends all of a user's sessions but the one named keep.
	DeleteSessions(ctx context.Context, userID, keep string) error
	DeleteExpiredSessions(ctx context.Context, now time.Time) error
}

// ProviderKey is one upstream credential, sealed.
type ProviderKey struct {
	ID       string
	Provider string // the provider's name
	Type     string // the adapter's; "" means as Provider
	Name     string
	BaseURL  string // "" is the provider's public one
	Sealed   []byte // by package seal, bound to ID, Provider and BaseURL
	Masked   string // "sk-****1234"
	// Fingerprint is a keyed hash that tells the same credential added twice.
	Fingerprint string

	Disabled      bool
	Priority      int   // lower goes first
	Weight        int   // among equals; 0 means 1
	RPM, TPM      int64 // 0: no limit of ours
	DailyRequests int64
	DailyTokens   int64
	Models        []string // nil: all
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ProviderKeys are the upstream credentials.
type ProviderKeys interface {
	CreateProviderKey(ctx context.Context, k ProviderKey) error // ErrExists on the same Provider and Fingerprint
	ProviderKey(ctx context.Context, id string) (ProviderKey, error)
	ListProviderKeys(ctx context.Context) ([]ProviderKey, error) // by Provider, Priority, CreatedAt, ID
	UpdateProviderKey(ctx context.Context, id string, change func(*ProviderKey) error) (ProviderKey, error)
	DeleteProviderKey(ctx context.Context, id string) error
}

// KeyStatus is what must survive a restart of a provider key's quota: state and
// counts of the day. It is kept for keys of the environment and the config file
// too, under their ids.
type KeyStatus struct {
	KeyID    string
	State    string // llmhub.KeyState
	Reason   string
	Until    time.Time
	Window   int64 // number of the day the counts are of
	Requests int64
	Tokens   int64
	LastUsed time.Time
	Anchor   time.Time
}

// KeyStatuses are the quota states of provider keys, written behind.
type KeyStatuses interface {
	SaveKeyStatuses(ctx context.Context, all []KeyStatus) error // upserts
	ListKeyStatuses(ctx context.Context) ([]KeyStatus, error)
}

// VirtualKey is a key handed to a client.
type VirtualKey struct {
	ID      string // also the part of the key that finds its row
	Hash    []byte // SHA-256 of the secret part
	Prefix  string // what may be shown, "lh_abcd1234…"
	Name    string
	OwnerID string // user; "" is nobody's

	Models              []string // nil: all
	RPM, TPM            int64    // 0: none
	MaxParallelRequests int64
	Disclose            bool
	AllowDirectModels   bool
	AllowBodyKeys       []string // restricted body keys it may use, llmhub.Request.Restricted; "*": all
	Disabled            bool
	ExpiresAt           time.Time // zero: never
	LastUsed            time.Time
	CreatedAt           time.Time
}

// VirtualKeys are the keys handed to clients.
type VirtualKeys interface {
	CreateVirtualKey(ctx context.Context, k VirtualKey) error
	VirtualKey(ctx context.Context, id string) (VirtualKey, error)
	ListVirtualKeys(ctx context.Context) ([]VirtualKey, error) // newest first
	UpdateVirtualKey(ctx context.Context, id string, change func(*VirtualKey) error) (VirtualKey, error)
	// TouchVirtualKeys moves LastUsed of many keys forward, never back; ids that
	// are not there are passed over.
	TouchVirtualKeys(ctx context.Context, used map[string]time.Time) error
	DeleteVirtualKey(ctx context.Context, id string) error
}

// Attempt is a row of the usage log: one request sent upstream, or, with N 0, a
// request that sent nothing.
type Attempt struct {
	RequestID string
	N         int
	Final     bool // the request's last row; it stands for the request in lists
	// Of the request, the same on each of its rows.
	Time            time.Time // it began
	UserID          string
	VirtualKeyID    string
	ClientRequestID string
	Dialect         string
	Model           string // as asked
	Stream          bool

	// Of the request, on its final row.
	RequestStatus   int           // what the caller got
	RequestOutcome  string        // ok, error, cancelled, lost
	RequestError    string        // error code; ""
	Attempts        int           // sent upstream
	RequestTTFT     time.Duration // 0: no content
	RequestDuration time.Duration
	Skipped         []Skip

	// Of the attempt.
	Provider    string
	ServedModel string // the provider's name for the model it was sent to
	KeyID       string
	StartedAt   time.Time
	TTFT        time.Duration
	Duration    time.Duration
	Status      int
	Outcome     string // ok, error, cancelled, lost
	ErrorCode   string
	Error       string // for operators; holds neither key nor prompt
	WhyChosen   string
	WhyLeft     string
	Warnings    []string
	Charged     int64 // requests, on the provider key
	Ambiguous   bool  // it may have been worked on
	Demo        bool

	// Tokens, in disjoint buckets.
	Input, CacheRead, CacheWrite5m, CacheWrite1h, Output, Reasoning, AudioInput, AudioOutput int64
	Estimated                                                                                bool
}

// Skip is a target or key that a request did not try.
type Skip struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	KeyID    string `json:"key_id,omitempty"`
	Reason   string `json:"reason"`
}

// UsageFilter chooses requests; zero fields choose all.
type UsageFilter struct {
	Status                 int
	Outcome                string
	Provider, Model, KeyID string // Model: as asked, or as served ("provider/model")
	UserID, VirtualKeyID   string
	Since, Until           time.Time // [Since, Until)
	Query                  string    // a request's id or a prefix of one, or the caller's own id
	Limit                  int       // 0: 50; at most 200
	Cursor                 string    // of the page before; "" starts
}

// Usage is the usage log.
type Usage interface {
	// AppendUsage writes rows; one already there, by RequestID and N, stays.
	AppendUsage(ctx context.Context, rows []Attempt) error
	// ListRequests returns final rows, newest first by Time and RequestID, and the
	// cursor of the next page, "" after the last; ErrCursor when f's is none.
	ListRequests(ctx context.Context, f UsageFilter) ([]Attempt, string, error)
	// RequestLog returns all rows of a request by N; ErrNotFound if none.
	RequestLog(ctx context.Context, requestID string) ([]Attempt, error)
}

// Settings are small named values, such as sealed keys of the server's own.
type Settings interface {
	Setting(ctx context.Context, name string) ([]byte, error) // ErrNotFound
	PutSetting(ctx context.Context, name string, value []byte) error
	// InitSetting stores value unless there is one, and returns what is there.
	InitSetting(ctx context.Context, name string, value []byte) ([]byte, error)
}

// Audit is a record of who changed what.
type Audit struct {
	ID      int64
	Time    time.Time
	ActorID string // user; "" is the server or its operator's shell
	IP      string
	Action  string // "key.create"
	Target  string // id of what was changed
	Detail  string // JSON; never holds a secret
}

// Audits is the record of changes.
type Audits interface {
	AppendAudit(ctx context.Context, a Audit) error
	ListAudits(ctx context.Context, before int64, limit int) ([]Audit, error) // newest first; before 0 starts
}

// Store is all of it, safe for concurrent use. A change function runs inside the
// transaction, perhaps the only one there can be: it must not call the store.
// Each method ends early when its context does, and then has changed nothing or
// all. What a list returns is the caller's.
type Store interface {
	Users
	Sessions
	ProviderKeys
	KeyStatuses
	VirtualKeys
	Usage
	Settings
	Audits
	Ping(ctx context.Context) error
	Close() error
}
