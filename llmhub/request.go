package llmhub

import "time"

// Request is one model call. Its own fields are the head: policy reads them and
// may change them, and they win over whatever Body says, because an adapter
// makes the bytes say what the head says. All else is in Body.
type Request struct {
	ID        ID       // names the request and its answer; zero: the hub makes one
	Model     string   // as the caller asked for it; a Router maps it to Targets
	Stream    bool     // the caller wants the answer as it comes
	MaxTokens int      // cap on the answer, in tokens; 0: none asked for
	Choices   int      // answers wanted; 0: one
	Fallbacks []string // models to try after Model's own targets, in order
	Body      Body     // required
	// Restricted are keys of the body that reach what other callers own or
	// change the price ("store", "service_tier", "server_tools"): a hub refuses
	// them with Unsupported unless Caller.May names each.
	Restricted []string
	Accept     string // a dialect whose bytes the caller takes beside events; "" for Go callers and blind answers
	Dialect    string // what the caller spoke, for the record; "" for Go callers
	Caller     Caller // who asks; set by the edge, never read from a body
}

// Edit decodes the body, puts a copy in its place and returns that: what is
// changed in it is what will be sent. Use it, and not what Decode returns, to
// change a request.
func (r *Request) Edit() (*Prompt, error) {
	p, err := r.Body.Decode()
	if err != nil {
		return nil, err
	}
	p = p.Clone()
	r.Body = p
	return p, nil
}

// Body is what a request says beyond its head: a *[Prompt], or a dialect's
// bytes that nobody has decoded yet. An adapter of that dialect knows the type
// and sends the bytes; any other decodes. A Body is good until the stream of
// its request has ended.
type Body interface {
	// Decode returns the content. The result is cached and shared: read it, do
	// not change it. It fails with an [*Error] of kind [InvalidRequest].
	Decode() (*Prompt, error)
	// Tokens estimates the prompt's size, without decoding.
	Tokens() int64
}

// Caller is who makes a request. The zero Caller is a trusted Go program.
type Caller struct {
	User     string   // id of the account the call belongs to, for the record
	Key      string   // id of the virtual key that was used, for the record
	ClientID string   // the caller's own id of the request, for the record
	Models   []string // models it may ask for; nil: all
	Direct   bool     // it may name provider/model
	Disclose bool     // it may learn which provider and key answered
	May      []string // restricted body keys it may use; "*": all
	Limits   []Limit  // held together with the provider key's, all or none
}

// Allows reports whether the caller may ask for model.
func (c *Caller) Allows(model string) bool {
	if c.Models == nil {
		return true
	}
	for _, m := range c.Models {
		if m == model {
			return true
		}
	}
	return false
}

// Limit is a bound on what a caller may use.
type Limit struct {
	Name string        // of the bucket; everybody who names it shares it
	Per  time.Duration // its window; 0: what is in flight at once
	Max  Amount        // a zero field is no bound
}
