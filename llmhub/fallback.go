package llmhub

// step is what the engine does after an attempt has failed and nothing has gone
// out to the caller.
type step uint8

const (
	stop       step = iota // the caller's own doing, or nobody's who could be asked
	nextKey                // another key of the target, then the next target
	nextTarget             // the next target at once
	again                  // the target once more after a pause, then the next
	larger                 // a target with a larger window only
	elsewhere              // a target of another provider only
)

// steps is the fallback matrix: the one place that decides. A kind that is not
// here stops.
var steps = map[Kind]step{
	Unsupported:      nextTarget,
	ContextLength:    larger,
	RequestTooLarge:  elsewhere,
	ModelNotFound:    nextKey,
	PermissionDenied: nextKey,
	BadCredential:    nextKey,
	Unfunded:         nextKey,
	RateLimited:      nextKey,
	QuotaExceeded:    nextKey,
	Overloaded:       nextTarget,
	Conflict:         again,
	Blocked:          nextTarget,
	UpstreamFailed:   again,
	Unreachable:      nextTarget,
	Timeout:          nextTarget,
	Broken:           nextKey,
	Malformed:        nextTarget,
	NoProvider:       nextTarget,
	Internal:         nextTarget,
}

// The most that one request may send upstream.
const (
	maxAttempts         = 4 // that a provider may have worked on
	maxProviderAttempts = 2 // of these, to one provider
	maxRefusals         = 8 // cheap refusals: 401, 402, 403, 404, 429
)

// stepAfter is the step that err calls for.
func stepAfter(err *Error) step {
	switch {
	case err.Status >= 520:
		return nextTarget // 520 to 529: the edge in front of the provider is in trouble
	case err.Status >= 500 && err.Status <= 504:
		return again // whatever words it is put in
	}
	return steps[err.Kind]
}

// fits reports whether t may be tried, after what has failed before.
func (r *run) fits(t *Target) (reason string, ok bool) {
	switch {
	case r.window > 0 && t.Window <= r.window:
		return "context window not larger than one that was too small", false
	case r.tooLargeFor != "" && t.Provider == r.tooLargeFor:
		return "the request is too large for this provider", false
	case r.providerAttempts(t.Provider) >= maxProviderAttempts:
		return "the provider has failed this request often enough", false
	case r.late():
		return "the request's time is up", false
	case r.hub.streams[t.Provider] == nil:
		return "no such provider", false
	}
	return "", true
}

// late reports whether the request has had the time that all its attempts share.
func (r *run) late() bool {
	bound := r.hub.Timeouts.Unary
	if r.req.Stream {
		bound = r.hub.Timeouts.Stream
	}
	return bound > 0 && r.hub.Now().Sub(r.started) >= bound
}

func (r *run) providerAttempts(provider string) int {
	n := 0
	for i := range r.attempts {
		if r.attempts[i].Target.Provider == provider && !cheap(r.attempts[i].Err) {
			n++
		}
	}
	return n
}

// cheap reports whether a failed attempt was refused without work, so that
// another key may be asked.
func cheap(err *Error) bool {
	return err != nil && !err.Sent && stepAfter(err) == nextKey
}

// spent reports whether the request has had all the attempts it may have.
func (r *run) spent() bool {
	worked, refused := 0, 0
	for i := range r.attempts {
		if cheap(r.attempts[i].Err) {
			refused++
		} else {
			worked++
		}
	}
	return worked >= maxAttempts || refused >= maxRefusals
}

// note keeps what a failure says about the targets that remain.
func (r *run) note(t *Target, err *Error) {
	switch {
	case err.Kind == ContextLength:
		r.window = max(r.window, t.Window, 1)
	case err.Kind == RequestTooLarge:
		r.tooLargeFor = t.Provider
	}
	if err.RetryAfter > 0 && (r.retryAfter == 0 || err.RetryAfter < r.retryAfter) {
		r.retryAfter = err.RetryAfter
	}
	r.failures = append(r.failures, err)
}

// conclude words the failure of the whole request: the caller's own mistake if
// there was one; what all targets said if they agree; else that all have failed.
// A target that has no key, or cannot do what is asked, has no say beside others.
func (r *run) conclude() *Error {
	var first *Error // of those that have a say
	agreed := true
	for _, err := range r.failures {
		k := outward(err.Kind)
		switch {
		case k == ContextLength || k == RequestTooLarge:
			return err
		case first == nil || weight(k) > weight(outward(first.Kind)):
			first, agreed = err, true
		case weight(k) == weight(outward(first.Kind)):
			agreed = agreed && k == outward(first.Kind)
		}
	}
	if first == nil {
		return &Error{Kind: NoProvider, Message: "no target could be tried"}
	}
	kind := outward(first.Kind)
	if !agreed {
		kind = AllFailed
	}
	e := &Error{Kind: kind, Provider: first.Provider, Status: first.Status, Param: first.Param, RetryAfter: r.retryAfter, Err: first}
	if kind == first.Kind && aboutRequest(first.Status) {
		e.Code, e.Dialect, e.Raw = first.Code, first.Dialect, first.Raw
	}
	return e
}

// aboutRequest reports whether a provider's answer of this status speaks of the
// request, and not of the operator's key or account.
func aboutRequest(status int) bool {
	switch status {
	case 400, 404, 413, 422:
		return true
	}
	return false
}

// weight says which failures speak for the whole request.
func weight(k Kind) int {
	switch k {
	case Unsupported:
		return 0
	case NoProvider:
		return 1
	}
	return 2
}

// outward is the kind as the caller sees it when no target is left: what is
// wrong with a provider key is no business of the caller's.
func outward(k Kind) Kind {
	switch k {
	case BadCredential, Unfunded, PermissionDenied, NoProvider:
		return NoProvider
	case RateLimited, QuotaExceeded:
		return RateLimited
	case Internal, Malformed, Broken, Blocked, Conflict:
		return AllFailed
	}
	return k
}
