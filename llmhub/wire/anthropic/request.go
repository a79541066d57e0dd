package anthropic

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Server is the half for programs that call us. The zero Server is ready.
type Server struct{}

var _ wire.Server = Server{}

// Name is "anthropic".
func (Server) Name() string { return Name }

// The members of a request whose reading must not be ambiguous, by their place
// in keys.
const (
	kModel = iota
	kStream
	kMaxTokens
	kMessages
	kSystem
	kTools
	kToolChoice
	kThinking
	kOutputConfig
	kOutputFormat
	kTemperature
	kTopP
	kTopK
	kStopSequences
	kMetadata
	kCacheControl
	kFallbacks
	kStreamRecovery
	kContainer
	kServiceTier
	kSpeed
	kMCPServers
	kContextManagement
	kInferenceGeo
	keyCount
)

var keys = []string{
	kModel: "model", kStream: "stream", kMaxTokens: "max_tokens", kMessages: "messages", kSystem: "system",
	kTools: "tools", kToolChoice: "tool_choice", kThinking: "thinking", kOutputConfig: "output_config",
	kOutputFormat: "output_format", kTemperature: "temperature", kTopP: "top_p", kTopK: "top_k",
	kStopSequences: "stop_sequences", kMetadata: "metadata", kCacheControl: "cache_control",
	kFallbacks: "fallbacks", kStreamRecovery: "stream_recovery", kContainer: "container",
	kServiceTier: "service_tier", kSpeed: "speed", kMCPServers: "mcp_servers",
	kContextManagement: "context_management", kInferenceGeo: "inference_geo",
}

// Request reads the head of a body: what policy needs, and where each member
// stands. The messages stay undecoded.
func (Server) Request(in wire.Incoming) (*llmhub.Request, error) {
	whole := &struct {
		req  llmhub.Request
		body body
	}{}
	req, b := &whole.req, &whole.body
	b.json = in.Body
	if err := wire.ScanHead(b.json, keys, b.at[:]); err != nil {
		return nil, err
	}
	if err := b.head(req); err != nil {
		return nil, err
	}
	b.betas = betas(in.Header)
	req.Restricted = b.restricted()
	req.Body, req.Dialect = b, Name
	return req, nil
}

// betas are the values of anthropic-beta, which may stand in several headers
// and, with commas, in one.
func betas(h http.Header) []string {
	var all []string
	for _, line := range h.Values("Anthropic-Beta") {
		for v := range strings.SplitSeq(line, ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// head fills the fields of req that the body decides.
func (b *body) head(req *llmhub.Request) error {
	var ok bool
	if req.Model, ok = scan.Unquote(b.value(kModel)); !ok || req.Model == "" {
		return invalid("model must be a string that names a model", "model")
	}
	switch string(b.value(kStream)) {
	case "true":
		req.Stream = true
	case "", "false", "null":
	default:
		return invalid("stream must be true or false", "stream")
	}
	if req.MaxTokens, ok = wholeNumber(b.value(kMaxTokens)); !ok {
		return invalid("max_tokens must be a whole number", "max_tokens")
	}
	if m := b.value(kMessages); len(m) == 0 || m[0] != '[' {
		return invalid("messages must be an array", "messages")
	}
	if req.Fallbacks, ok = stringList(b.value(kFallbacks)); !ok {
		return invalid("fallbacks must be an array of model names", "fallbacks")
	}
	switch r := b.value(kStreamRecovery); string(r) {
	case "", "null", `"error"`:
	default:
		return invalid(`stream_recovery can only be "error"`, "stream_recovery")
	}
	b.stream, b.maxTokens = req.Stream, req.MaxTokens
	b.found.messages(b.value(kMessages))
	b.found.system(b.value(kSystem))
	return nil
}

// wholeNumber reads a JSON integer of at most 18 digits. What is not there, or
// null, is 0.
func wholeNumber(v []byte) (int, bool) {
	if len(v) == 0 || string(v) == "null" {
		return 0, true
	}
	if len(v) > 18 || len(v) > 1 && v[0] == '0' {
		return 0, false
	}
	for _, d := range v {
		if d < '0' || d > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(string(v))
	return n, err == nil
}

// stringList reads an array of strings. What is not there, or null, is nil.
func stringList(v []byte) ([]string, bool) {
	if len(v) == 0 || string(v) == "null" {
		return nil, true
	}
	if v[0] != '[' {
		return nil, false
	}
	var all []string
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		if c.Peek() != '"' {
			return nil, false
		}
		all = append(all, c.Text())
	}
	return all, c.Err == nil
}

// restricted names the members that reach what other callers own or change the
// price.
func (b *body) restricted() []string {
	var all []string
	for _, r := range []struct {
		key   int
		plain []string // values that every caller may use
	}{
		{kContainer, nil},
		{kServiceTier, []string{`"auto"`, `"standard_only"`}},
		{kSpeed, []string{`"standard"`}},
		{kMCPServers, []string{"[]"}},
		{kInferenceGeo, []string{`"global"`}},
	} {
		if v := b.value(r.key); !isOneOf(v, r.plain) {
			all = append(all, keys[r.key])
		}
	}
	if b.hasServerTools() {
		all = append(all, "server_tools")
	}
	if b.found.files {
		all = append(all, "file_id")
	}
	return all
}

func isOneOf(v []byte, plain []string) bool {
	if len(v) == 0 || string(v) == "null" {
		return true
	}
	for _, p := range plain {
		if string(v) == p {
			return true
		}
	}
	return false
}

// hasServerTools reports whether a tool runs at the provider.
func (b *body) hasServerTools() bool {
	tools := b.value(kTools)
	if len(tools) == 0 || tools[0] != '[' {
		return false
	}
	c := scan.New(tools)
	for c.Enter('['); c.Elem(); {
		for c.Enter('{'); c.Member(); {
			if !isKey(c.Key, "type") {
				c.Skip()
				continue
			}
			if t, ok := scan.Unquote(c.Raw()); ok && !callersTool(t) {
				return true
			}
		}
	}
	return false
}

// callersTool reports whether a tool of this type is run by the caller.
func callersTool(kind string) bool {
	switch kind {
	case "", "custom":
		return true
	}
	for _, p := range []string{"bash_", "text_editor_", "computer_", "memory_"} {
		if strings.HasPrefix(kind, p) {
			return true
		}
	}
	return false
}

// isKey reports whether a member's key, still escaped, is word.
func isKey(key []byte, word string) bool { return string(plainKey(key)) == word }

// plainKey unescapes a key.
func plainKey(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key
	}
	s, _ := scan.Unquote(append(append([]byte{'"'}, key...), '"'))
	return []byte(s)
}

func invalid(message, param string) error {
	return &llmhub.Error{Kind: llmhub.InvalidRequest, Message: message, Param: param}
}
