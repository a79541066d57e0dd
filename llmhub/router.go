package llmhub

import (
	"context"
	"time"
)

// A Router says where a request may go, best first. The order is the fallback
// order. It fails with [ModelNotFound] or [PermissionDenied].
type Router interface {
	Route(ctx context.Context, req *Request) ([]Target, error)
}

// Target is a provider's model. Which key serves is the QuotaStore's choice, at
// each attempt anew.
type Target struct {
	Provider  string        // the name of an Adapter in the Hub's Config
	Model     string        // the provider's name for it
	Window    int           // context window, in tokens; 0: not known
	MaxOutput int           // longest answer, in tokens; 0: not known
	Reasons   bool          // it may think long before its first word
	NoWait    bool          // fall back at once rather than wait for a key
	Timeout   time.Duration // of a whole attempt; 0: the Hub's
}

// String is provider/model.
func (t Target) String() string { return t.Provider + "/" + t.Model }

// RouterFunc is a function that is a Router.
type RouterFunc func(ctx context.Context, req *Request) ([]Target, error)

// Route calls f.
func (f RouterFunc) Route(ctx context.Context, req *Request) ([]Target, error) { return f(ctx, req) }
