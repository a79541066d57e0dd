package llmhub

import "time"

// Trace is a set of hooks that look and do not touch. Any may be nil. They run
// on the request's goroutine, so they must be quick. What they are shown must
// not be kept past the call, but for strings and numbers.
type Trace struct {
	// Attempt is called as each attempt is settled.
	Attempt func(*AttemptReport)
	// Done is called once a request, before its last event is handed over.
	Done func(*Report)
}

// Report is how a request went.
type Report struct {
	Request  *Request
	Started  time.Time
	TTFT     time.Duration // until the first content; 0: there was none
	Took     time.Duration
	Err      *Error // nil when all went well
	Attempts []AttemptReport
	Skipped  []Skip
}

// AttemptReport is how an attempt went.
type AttemptReport struct {
	N         int // from 1
	Target    Target
	Key       KeyID
	Served    string // the model as the provider named it in the answer
	Started   time.Time
	Outcome   Outcome
	Err       *Error // nil when all went well
	WhyChosen string
	WhyLeft   string // "" for the attempt that answered
	Warnings  []string
}

// Skip is a target, or a key of it, that was not tried.
type Skip struct {
	Target Target
	Key    KeyID // "" means the whole target
	Reason string
}
