package openaichat

import (
	"math"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Server is the half of the dialect for programs that call us. The zero Server
// is ready.
type Server struct{}

var _ wire.Server = Server{}

// Name is "openaichat".
func (Server) Name() string { return Name }

// Request reads the head of a chat completion request.
func (Server) Request(in wire.Incoming) (*llmhub.Request, error) {
	r := &incoming{}
	b := &r.body
	b.raw = in.Body
	if err := b.scan(); err != nil {
		return nil, err
	}
	r.Request = llmhub.Request{Model: b.model, Stream: b.stream, MaxTokens: b.cap, Choices: b.n, Fallbacks: b.fallbacks,
		Body: b, Dialect: Name, Restricted: b.restricted()}
	return &r.Request, nil
}

// incoming is a request and its body in one piece of memory.
type incoming struct {
	llmhub.Request
	body body
}

// head is what policy reads of a request.
type head struct {
	model     string
	stream    bool
	usage     bool // stream_options.include_usage
	cap       int  // the smaller of the caps; 0: none
	n         int
	fallbacks []string
	traits    traits
	tokens    int64
}

func (b *body) scan() error {
	if err := scanHead(b.raw, &b.at); err != nil {
		return err
	}
	s, ok := scan.Unquote(b.of(kModel))
	if !ok || s == "" {
		return invalid(kModel, "model must be a string that is not empty")
	}
	b.model = s
	var err error
	if b.stream, err = b.flag(kStream, b.of(kStream)); err != nil {
		return err
	}
	if b.usage, err = b.includeUsage(); err != nil {
		return err
	}
	if b.cap, err = b.smallerCap(); err != nil {
		return err
	}
	if b.n, err = b.count(kN); err != nil {
		return err
	}
	if b.fallbacks, err = b.models(); err != nil {
		return err
	}
	if v := b.of(kStreamRecovery); !isNull(v) && string(v) != `"error"` {
		return invalid(kStreamRecovery, `stream_recovery must be "error"`)
	}
	var blob, pieces int
	messages := b.of(kMessages)
	if len(messages) == 0 || messages[0] != '[' {
		return invalid(kMessages, "messages must be an array")
	}
	if b.traits, blob, pieces, err = survey(messages); err != nil {
		return err
	}
	text := len(messages) - blob + len(b.of(kTools)) + len(b.of(kFunctions)) + len(b.of(kResponseFormat))
	b.tokens = int64(text)/4 + int64(pieces)*perMedia + 1
	return nil
}

func (b *body) flag(k key, v []byte) (bool, error) {
	switch string(v) {
	case "true":
		return true, nil
	case "", "false", "null":
		return false, nil
	}
	return false, invalid(k, keys[k]+" must be true or false")
}

func (b *body) includeUsage() (bool, error) {
	v := b.of(kStreamOptions)
	if isNull(v) {
		return false, nil
	}
	if v[0] != '{' {
		return false, invalid(kStreamOptions, "stream_options must be an object")
	}
	var at [1]wire.Span
	if err := wire.ScanHead(v, optionKeys[:], at[:]); err != nil {
		return false, invalid(kStreamOptions, "stream_options is not valid: "+llmhub.AsError(err).Message)
	}
	return b.flag(kStreamOptions, at[0].Of(v))
}

var optionKeys = [...]string{"include_usage"}

// smallerCap is the cap that rules where both spellings are given.
func (b *body) smallerCap() (int, error) {
	old, err := b.count(kMaxTokens)
	if err != nil {
		return 0, err
	}
	n, err := b.count(kMaxCompletionTokens)
	if err != nil {
		return 0, err
	}
	if n == 0 || old != 0 && old < n {
		n = old
	}
	return n, nil
}

// count is a plain integer from 1; 0 when it is not there or null.
func (b *body) count(k key) (int, error) {
	v := b.of(k)
	if isNull(v) {
		return 0, nil
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, invalid(k, keys[k]+" must be a whole number")
		}
		if n = n*10 + int(c-'0'); n > math.MaxInt32 {
			break
		}
	}
	if n < 1 || n > math.MaxInt32 {
		return 0, invalid(k, keys[k]+" must be a whole number from 1 to 2147483647")
	}
	return n, nil
}

func (b *body) models() ([]string, error) {
	v := b.of(kFallbacks)
	if isNull(v) {
		return nil, nil
	}
	var list []string
	c := scan.New(v)
	if c.Peek() != '[' {
		return nil, invalid(kFallbacks, "fallbacks must be an array of model names")
	}
	for c.Enter('['); c.Elem(); {
		s, ok := scan.Unquote(c.Raw())
		if !ok || s == "" {
			return nil, invalid(kFallbacks, "fallbacks must be an array of model names")
		}
		list = append(list, s)
	}
	return list, nil
}

// restricted names what reaches what other callers own, or changes the price.
func (b *body) restricted() []string {
	var names []string
	for _, k := range [...]key{kPreviousResponse, kConversation, kWebSearch, kModels, kPlugins} {
		if !isNull(b.of(k)) {
			names = append(names, keys[k])
		}
	}
	if v := b.of(kStore); !isNull(v) && string(v) != "false" {
		names = append(names, keys[kStore])
	}
	if v := b.of(kServiceTier); !isNull(v) && string(v) != `"auto"` && string(v) != `"default"` {
		names = append(names, keys[kServiceTier])
	}
	if b.traits&hasFileID != 0 {
		names = append(names, "file_id")
	}
	if b.servedTools() {
		names = append(names, "server_tools")
	}
	return names
}

// servedTools reports whether there are tools that the provider runs itself.
func (b *body) servedTools() bool {
	v := b.of(kTools)
	if isNull(v) {
		return false
	}
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		plain := false
		for c.Enter('{'); c.Member(); {
			if string(c.Key) != "type" {
				c.Skip()
				continue
			}
			switch string(c.Raw()) {
			case `"function"`, `"custom"`:
				plain = true
			default:
				return true
			}
		}
		if !plain {
			return true
		}
	}
	return false
}

func invalid(k key, message string) error {
	return &llmhub.Error{Kind: llmhub.InvalidRequest, Message: message, Param: keys[k]}
}
