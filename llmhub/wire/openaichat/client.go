package openaichat

import (
	"net/http"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Client is the half of the dialect for providers that we call: OpenAI itself,
// and those that understand its Chat Completions. The zero Client speaks to a
// provider that takes all that OpenAI takes.
type Client struct {
	// Provider is the provider's name: that of errors, and the one by which
	// reasoning is known as its own. "": none is.
	Provider string
	// Quirks says what is peculiar to a model. nil: nothing.
	Quirks func(model string) Quirks
	// Refine corrects the classification of an error by what the provider is
	// known to mean. nil: it is good as it is.
	Refine func(e *llmhub.Error, f Failure)
	// Now is the clock that verdicts count from. nil: time.Now.
	Now func() time.Time
}

var _ wire.Client = (*Client)(nil)

// Name is "openaichat".
func (*Client) Name() string { return Name }

// Quirks are where a provider or a model differs from OpenAI's description. The
// zero Quirks is one that does not.
type Quirks struct {
	// Cap is the spelling of the cap on the answer that is honoured, max_tokens or
	// max_completion_tokens. "": the caller's own, and max_tokens where he has none.
	Cap string
	// NoUsage: stream_options.include_usage is not known.
	NoUsage bool
	// Reasoning is the member of an assistant's message in which the provider
	// takes its reasoning back, reasoning_content or reasoning. "": in none, so
	// reasoning is left out of what is sent.
	Reasoning string
	// Signatures is the member of extra_content that holds thought signatures,
	// "google". "": signatures are not known.
	Signatures string
	// Thinking: reasoning is switched by thinking:{"type":"enabled"|"disabled"}
	// beside reasoning_effort.
	Thinking bool
	// Effort spells an effort for the model; "" leaves it out, with a warning.
	// nil: as it is.
	Effort func(effort string) string
	// NoDeveloper: the developer role is not known; it is sent as system.
	NoDeveloper bool
	NoImages    bool // images are not taken
	NoImageURLs bool // images are taken as data only
	NoAudio     bool
	NoFiles     bool
	NoSchema    bool // response_format knows no json_schema
	// NoAllowedTools: tool_choice knows no allowed_tools; the other tools are left out.
	NoAllowedTools bool
	// CacheControl: prompt-cache marks are taken on content parts.
	CacheControl bool
	// TopK: top_k is known, so that other dialects' callers may set it.
	TopK bool
	// Refuses are parameters of OpenAI's that the model cannot honour and that
	// change what the answer means ("n": above one): a call that sets one fails
	// with Unsupported.
	Refuses []string
	// Drops are parameters that only tune and that the model does not take: they
	// are left out with a warning.
	Drops []string
}

func (c *Client) quirks(model string) Quirks {
	if c.Quirks == nil {
		return Quirks{}
	}
	return c.Quirks(model)
}

// conflicts are the traits of messages that may not be sent as they are.
func (q *Quirks) conflicts() traits {
	t := hasThinkingBlocks | hasOwn
	if q.Reasoning != "reasoning_content" {
		t |= hasReasoningContent
	}
	if q.Reasoning != "reasoning" {
		t |= hasReasoning
	}
	if q.Signatures == "" {
		t |= hasExtra
	}
	if q.NoDeveloper {
		t |= hasDeveloper
	}
	if q.NoImages || q.NoImageURLs {
		t |= hasImage
	}
	if q.NoAudio {
		t |= hasAudio
	}
	if q.NoFiles {
		t |= hasFile
	}
	if !q.CacheControl {
		t |= hasCache
	}
	return t
}

// conflict reports whether a message of these traits may not be sent as it is.
// Who takes reasoning_content passes over a "reasoning" that says it again.
func (q *Quirks) conflict(t traits) bool {
	bad := q.conflicts()
	if q.Reasoning == "reasoning_content" && t&hasReasoningContent != 0 {
		bad &^= hasReasoning
	}
	return t&bad != 0
}

// Failure is what an error said, as far as it said anything.
type Failure struct {
	Status   int // 200: inside a stream or in a whole body
	Header   http.Header
	Code     string
	Type     string
	Message  string
	Param    string
	InStream bool
}
