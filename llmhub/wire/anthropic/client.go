package anthropic

import (
	"bytes"
	"cmp"
	"strconv"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Client is the half for providers that we call. The zero Client speaks to
// Anthropic's own models.
type Client struct {
	Provider  string                    // who signs reasoning; "": "anthropic"
	MaxTokens int                       // cap on an answer when neither caller nor target says; 0: 4096
	Traits    func(model string) Traits // what a model takes; nil: TraitsOf
	Now       func() time.Time          // nil: time.Now
}

var _ wire.Client = Client{}

// Name is "anthropic".
func (Client) Name() string { return Name }

func (c Client) provider() string { return cmp.Or(c.Provider, native) }

func (c Client) traits(model string) Traits {
	if c.Traits != nil {
		return c.Traits(model)
	}
	return TraitsOf(model)
}

// cap is the most tokens an answer may have. More than the target can give is
// asked for by nobody who knows it.
func (c Client) cap(call *llmhub.Call) int {
	most := call.Target.MaxOutput
	limit := cmp.Or(call.MaxTokens, most, c.MaxTokens, 4096)
	if most > 0 && !(call.Dialect == Name && named(call)) {
		return min(limit, most)
	}
	return limit
}

// named reports whether the caller asked for the target itself, and so knows
// what it takes.
func named(call *llmhub.Call) bool {
	return call.Model == "" || call.Model == call.Target.Model || call.Model == call.Target.String()
}

// Body renders the call: bytes of this dialect with the few differing members
// spliced in, a changed prompt of this dialect with all else kept, any other
// prompt anew.
func (c Client) Body(call *llmhub.Call) ([][]byte, error) {
	if call.Choices > 1 {
		return nil, unsupported("n", "one answer a request")
	}
	if b, ok := call.Body.(*body); ok && c.takes(call, b) {
		return c.splice(call, b), nil
	}
	p, err := call.Body.Decode()
	if err != nil {
		return nil, err
	}
	r := &renderer{client: c, call: call, traits: c.traits(call.Target.Model), cap: c.cap(call)}
	if p.Origin.Dialect == Name {
		return r.edited(p)
	}
	return r.fresh(p)
}

func unsupported(param, why string) error {
	return &llmhub.Error{Kind: llmhub.Unsupported, Param: param, Message: "the Messages API has " + why}
}

// takes reports whether the caller's bytes can go to the target as they are. A
// caller who named the model himself is taken at his word; one who asked for a
// logical model could not know what this one takes.
func (c Client) takes(call *llmhub.Call, b *body) bool {
	if b.found.strange(c.provider()) {
		return false
	}
	if b.tooMuchThought(c.cap(call)) {
		return false
	}
	if named(call) {
		return true
	}
	t := c.traits(call.Target.Model)
	return t.takeThinking(b.value(kThinking), b.value(kOutputConfig)) && t.takeSampling(b)
}

// tooMuchThought reports whether a cap that differs from the caller's is not
// above his budget for thinking.
func (b *body) tooMuchThought(limit int) bool {
	if limit == b.maxTokens {
		return false
	}
	budget := memberOf(b.value(kThinking), "budget_tokens")
	n, _ := strconv.Atoi(string(budget))
	return n >= limit
}

func (t *Traits) takeThinking(thinking, config []byte) bool {
	if e := text(memberOf(config, "effort")); e != "" && t.effort(e) != e {
		return false
	}
	switch text(memberOf(thinking, "type")) {
	case "enabled":
		return t.Budget
	case "adaptive":
		return t.Adaptive
	case "disabled":
		return !t.Always
	}
	return true
}

func (t *Traits) takeSampling(b *body) bool {
	temperature, topP := !absent(b.value(kTemperature)), !absent(b.value(kTopP))
	if !t.Sampling && (temperature || topP || !absent(b.value(kTopK))) {
		return false
	}
	return !t.OneOf || !temperature || !topP
}

// splice makes the caller's bytes say what the head says.
func (c Client) splice(call *llmhub.Call, b *body) [][]byte {
	p := wire.Patch{Body: b.json}
	c.patchHead(&p, call, b)
	return p.Parts()
}

func (c Client) patchHead(p *wire.Patch, call *llmhub.Call, b *body) {
	if model := wire.AppendString(nil, call.Target.Model); !bytes.Equal(model, b.value(kModel)) {
		p.Set(b.at[kModel], "model", model)
	}
	if call.Stream != b.stream {
		p.Set(b.at[kStream], "stream", strconv.AppendBool(nil, call.Stream))
	}
	if limit := c.cap(call); limit != b.maxTokens && (call.MaxTokens != 0 || string(b.value(kMaxTokens)) != "0") {
		p.Set(b.at[kMaxTokens], "max_tokens", strconv.AppendInt(nil, int64(limit), 10))
	}
	p.Remove(b.at[kFallbacks])
	p.Remove(b.at[kStreamRecovery])
}
