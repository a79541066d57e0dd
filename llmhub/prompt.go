package llmhub

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// Prompt is a request's content in no dialect. It is itself a [Body]. A nil or
// zero field means that the caller did not say.
type Prompt struct {
	System   []Part // instructions before the conversation
	Messages []Message
	Tools    []Tool
	Choice   *ToolChoice // which tool must be called
	Parallel *bool       // several tool calls in one turn are welcome

	Temperature, TopP                 *float64
	TopK                              *int
	FrequencyPenalty, PresencePenalty *float64
	Seed                              *int64
	Stop                              []string // the answer ends before any of these
	Reasoning                         *Reasoning
	Format                            *Format       // of the answer's text; nil: free text
	User                              string        // the caller's own end user
	Cache                             time.Duration // mark the whole prompt for the provider's cache, for this long
	// Unsaid is what the caller's dialect says and the neck cannot. A client of
	// another dialect drops what only tunes, with a warning, and refuses the rest.
	Unsaid []Param
	// Flags are opt-ins that travel beside the body, known to Origin's dialect
	// only: the values of anthropic-beta. Other dialects ignore them.
	Flags []string

	Origin Origin
}

// Param is a request parameter that has no neutral word.
type Param struct {
	Name  string // as the caller's dialect spells it
	Tunes bool   // without it the answer is still the one that was asked for
}

// Message is one turn.
type Message struct {
	Role   Role
	Parts  []Part
	Origin Origin
}

// Role is whose turn it is.
type Role string

// The roles. A result of a tool is a part of a user's message.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleSystem    Role = "system" // an instruction in mid-conversation
)

// Part is one piece of a message or of an answer.
type Part struct {
	Kind PartKind
	Text string // of text, reasoning and refusal

	Media *Media // of image, document and audio

	ID     string // tool call and result: the call's id
	Name   string // tool call and, where known, result: the tool's name
	Args   string // tool call: its arguments, JSON of an object; "" is {}
	Result []Part // tool result: text, image or document parts
	Failed bool   // tool result: the tool failed

	Signature string // opaque proof of this part, to be sent back unchanged
	SignedBy  string // the provider that signed it
	Redacted  bool   // reasoning that only its Signature holds

	Cache    time.Duration   // a prompt-cache mark ends here: 5 minutes or an hour; 0: none
	Choice   int             // answer: which of several choices it belongs to
	Logprobs json.RawMessage // answer: OpenAI's logprobs object of this piece
	Origin   Origin
}

// PartKind says what a [Part] is.
type PartKind string

// The kinds of parts. PartOther means something only its Origin's dialect
// knows; a client of any other dialect cannot send it.
const (
	PartText       PartKind = "text"
	PartReasoning  PartKind = "reasoning"
	PartRefusal    PartKind = "refusal"
	PartImage      PartKind = "image"
	PartDocument   PartKind = "document"
	PartAudio      PartKind = "audio"
	PartToolCall   PartKind = "tool_call"
	PartToolResult PartKind = "tool_result"
	PartOther      PartKind = "other"
)

// Media is an image, a document or a sound. One of Data, URL, Text and FileID
// is set. Data is base64 without line breaks, as every dialect carries it.
type Media struct {
	MIME   string // "image/png", "application/pdf", "audio/wav"; "" with a URL
	Data   string
	URL    string
	Text   string // a plain-text document
	FileID string // a file kept at the provider
	Name   string
	Detail string // image: "low", "high", "auto"
}

// Tool is a function the model may call.
type Tool struct {
	Name        string // "" for a tool that only its Origin's dialect knows
	Description string
	Schema      json.RawMessage // JSON Schema of the arguments; nil: none said
	Strict      *bool
	Cache       time.Duration // as Part's
	Origin      Origin
}

// ToolChoice says whether a tool is called.
type ToolChoice struct {
	Mode ToolMode
	Name string   // with ToolNamed
	Only []string // tools it may choose from; nil: all
}

// ToolMode is the sort of a [ToolChoice].
type ToolMode string

// The modes of tool choice.
const (
	ToolAuto     ToolMode = "auto"
	ToolNone     ToolMode = "none"
	ToolRequired ToolMode = "required" // any, but one
	ToolNamed    ToolMode = "named"
)

// Reasoning says how much a model should think before it answers.
type Reasoning struct {
	Effort string // "none", "minimal", "low", "medium", "high", "xhigh", "max"; "": not said
	Budget int    // tokens; 0: not said
	Show   *bool  // the caller wants to see it
}

// Format asks for JSON. With a nil Schema any JSON object will do.
type Format struct {
	Name        string
	Description string
	Schema      json.RawMessage
	Strict      *bool
}

// Origin is the JSON a value was decoded from. A client of that dialect sends it
// again as it is while the value beside it still says the same, so that what
// has no neutral meaning is not lost on a provider of the caller's dialect. It
// lies in the caller's bytes: good until the stream has ended.
type Origin struct {
	Dialect string
	JSON    json.RawMessage
}

// Text is a Prompt of one user message.
func Text(s string) *Prompt {
	return &Prompt{Messages: []Message{{Role: RoleUser, Parts: []Part{{Kind: PartText, Text: s}}}}}
}

// Decode returns p itself.
func (p *Prompt) Decode() (*Prompt, error) { return p, nil }

// Tokens estimates the prompt's size: a token for four bytes of text, and a flat
// 1,000 for each image, document or sound.
func (p *Prompt) Tokens() int64 {
	n := tokensOf(p.System)
	for _, m := range p.Messages {
		n += 4 + tokensOf(m.Parts)
	}
	for _, t := range p.Tools {
		n += int64(len(t.Name)+len(t.Description)+len(t.Schema)) / 4
	}
	return n + 1
}

func tokensOf(parts []Part) int64 {
	var n int64
	for _, p := range parts {
		n += int64(len(p.Text)+len(p.Name)+len(p.Args)+3)/4 + tokensOf(p.Result)
		if p.Media != nil {
			n += 1000 + int64(len(p.Media.Text))/4
		}
	}
	return n
}

// Clone copies p so deeply that a change to the copy leaves p alone. What is
// immutable, strings and raw JSON, is shared.
func (p *Prompt) Clone() *Prompt {
	c := *p
	c.System = cloneParts(p.System)
	c.Messages = slices.Clone(p.Messages)
	for i := range c.Messages {
		c.Messages[i].Parts = cloneParts(c.Messages[i].Parts)
	}
	c.Tools = slices.Clone(p.Tools)
	for i := range c.Tools {
		c.Tools[i].Strict = clonePtr(c.Tools[i].Strict)
	}
	c.Stop = slices.Clone(p.Stop)
	c.Unsaid, c.Flags = slices.Clone(p.Unsaid), slices.Clone(p.Flags)
	c.Choice, c.Parallel = clonePtr(p.Choice), clonePtr(p.Parallel)
	if c.Choice != nil {
		c.Choice.Only = slices.Clone(c.Choice.Only)
	}
	c.Temperature, c.TopP, c.TopK, c.Seed = clonePtr(p.Temperature), clonePtr(p.TopP), clonePtr(p.TopK), clonePtr(p.Seed)
	c.FrequencyPenalty, c.PresencePenalty = clonePtr(p.FrequencyPenalty), clonePtr(p.PresencePenalty)
	c.Reasoning, c.Format = clonePtr(p.Reasoning), clonePtr(p.Format)
	if c.Reasoning != nil {
		c.Reasoning.Show = clonePtr(c.Reasoning.Show)
	}
	if c.Format != nil {
		c.Format.Strict = clonePtr(c.Format.Strict)
	}
	return &c
}

func cloneParts(parts []Part) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Media = clonePtr(parts[i].Media)
		parts[i].Result = cloneParts(parts[i].Result)
	}
	return parts
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// Same reports whether two values of the neck (a Prompt, Message, Part, Tool, or
// slices and pointers of these) say the same, whatever their Origins.
func Same(a, b any) bool { return same(reflect.ValueOf(a), reflect.ValueOf(b)) }

var originType = reflect.TypeFor[Origin]()

func same(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	switch {
	case !a.IsValid() || a.Type() == originType:
		return true
	case a.Kind() == reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case a.Kind() == reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return a.Interface() == b.Interface()
}
