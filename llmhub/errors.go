package llmhub

import (
	"errors"
	"time"
)

// Kind is what sort of thing went wrong, and so what the engine does about it.
// It is an error itself: errors.Is(err, llmhub.RateLimited).
type Kind string

// The kinds. The comment says whose doing it is.
const (
	InvalidRequest   Kind = "invalid_request"         // the caller's: no provider would take it
	Unsupported      Kind = "unsupported_parameter"   // a target cannot honour what the caller asks
	ContextLength    Kind = "context_length_exceeded" // the caller's: prompt too long for the model
	ContentPolicy    Kind = "content_policy"          // the provider declined what was said
	RequestTooLarge  Kind = "request_too_large"       // the request itself is above the target's limit
	ModelNotFound    Kind = "model_not_found"         // nobody, or this provider, has the model
	ModelNotLogical  Kind = "model_not_logical"       // a concrete model where only a logical one is served
	PermissionDenied Kind = "permission_denied"       // the caller may not, or the key may not use the model
	BadCredential    Kind = "invalid_api_key"         // the caller's credential or, from an adapter, the provider key
	Unfunded         Kind = "unfunded"                // the provider key has no money left
	RateLimited      Kind = "rate_limited"            // the key, or all keys, must wait
	QuotaExceeded    Kind = "quota_exceeded"          // a limit of the caller, or a day's quota of the key
	BudgetExceeded   Kind = "budget_exceeded"         // the caller's money
	Overloaded       Kind = "overloaded"              // the provider has no capacity for anybody
	Conflict         Kind = "conflict"                // 409, 425: try once more
	Unprocessable    Kind = "unprocessable"           // 422: the caller's
	Blocked          Kind = "blocked"                 // a firewall or region rule in front of the provider
	UpstreamFailed   Kind = "upstream_failed"         // the provider's fault: 5xx
	Unreachable      Kind = "unreachable"             // nothing could be sent: DNS, dial, TLS
	Timeout          Kind = "upstream_timeout"        // the provider was silent for too long
	DeadlineExceeded Kind = "deadline_exceeded"       // the caller's own deadline passed
	Broken           Kind = "stream_broken"           // the answer ended before it was complete
	Malformed        Kind = "malformed_answer"        // not the provider's dialect, or above a limit of ours
	Canceled         Kind = "canceled"                // the caller went away
	NoProvider       Kind = "no_provider"             // no key of any target can serve now
	AllFailed        Kind = "all_attempts_failed"
	NoAccounting     Kind = "accounting_unavailable" // usage cannot be written down
	Draining         Kind = "draining"               // the server is going away
	Internal         Kind = "internal"
)

// Error is the kind's own name.
func (k Kind) Error() string { return string(k) }

// Error is what goes wrong with a request or an attempt. What it says is for
// operators: a front words its own text for callers, from Kind and Param.
type Error struct {
	Kind       Kind
	Provider   string        // whose doing; "" is ours
	Status     int           // HTTP status of the provider's answer; 0: there was none
	Code       string        // the provider's own code
	Message    string        // the provider's words or ours; never holds a key or a prompt
	Param      string        // the request field meant, in the caller's spelling
	RetryAfter time.Duration // how long to wait; 0: not said
	// Sent means that the provider may have begun to work: the attempt is
	// charged. Adapters set it.
	Sent bool
	// Verdict is what the answer said about the key. Adapters set it.
	Verdict Verdict
	// Passed are keys that Reserve looked at and left.
	Passed []Passed
	// Dialect and Raw are the provider's error as it was sent, for a caller of
	// that dialect who may know the provider.
	Dialect string
	Raw     []byte
	Err     error // the cause
}

// Error says what happened, for operators.
func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Provider != "" {
		s = e.Provider + ": " + s
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is this error's kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// AsError returns err as an *Error; one that is none becomes [Internal] around
// it. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var k Kind
	if errors.As(err, &k) {
		return &Error{Kind: k}
	}
	return &Error{Kind: Internal, Err: err}
}
