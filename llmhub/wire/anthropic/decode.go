package anthropic

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// decoder reads the values of a request into the neck's.
type decoder struct {
	unsaid []llmhub.Param
}

// decodePrompt reads a whole request.
func decodePrompt(b *body) (*llmhub.Prompt, error) {
	d := &decoder{}
	p := &llmhub.Prompt{Flags: b.betas, Origin: origin(b.json)}
	var err error
	if p.System, err = d.system(b.value(kSystem)); err != nil {
		return nil, err
	}
	if p.Messages, err = d.messages(b.value(kMessages)); err != nil {
		return nil, err
	}
	if p.Tools, err = d.tools(b.value(kTools)); err != nil {
		return nil, err
	}
	if err := d.sampling(b, p); err != nil {
		return nil, err
	}
	p.Choice, p.Parallel = d.toolChoice(b.value(kToolChoice))
	p.Reasoning = d.reasoning(b.value(kThinking), b.value(kOutputConfig))
	p.Format = d.format(b.value(kOutputConfig), b.value(kOutputFormat))
	p.User = d.user(b.value(kMetadata))
	p.Cache = cacheMark(b.value(kCacheControl))
	d.beyond(b)
	nameResults(p.Messages)
	p.Unsaid = d.unsaid
	return p, nil
}

func origin(json []byte) llmhub.Origin { return llmhub.Origin{Dialect: Name, JSON: json} }

// says notes what only this dialect can say.
func (d *decoder) says(name string, tunes bool) {
	p := llmhub.Param{Name: name, Tunes: tunes}
	if !slices.Contains(d.unsaid, p) {
		d.unsaid = append(d.unsaid, p)
	}
}

// system reads instructions: a string or blocks.
func (d *decoder) system(v []byte) ([]llmhub.Part, error) {
	if absent(v) {
		return nil, nil
	}
	c := scan.New(v)
	parts, ok := d.content(v, &c)
	if !ok || c.Err != nil {
		return nil, invalid("system must be a string or an array of blocks", "system")
	}
	return parts, nil
}

func absent(v []byte) bool { return len(v) == 0 || string(v) == "null" }

// messages reads the conversation.
func (d *decoder) messages(v []byte) ([]llmhub.Message, error) {
	var all []llmhub.Message
	c := scan.New(v)
	for c.Enter('['); c.Elem(); {
		m, ok := d.message(v, &c)
		if !ok || c.Err != nil {
			return nil, invalid("each message must have a role, user, assistant or system, and content", "messages["+strconv.Itoa(len(all))+"]")
		}
		all = append(all, m)
	}
	if c.Err != nil {
		return nil, invalid("messages must be an array", "messages")
	}
	return all, nil
}

// message reads one turn; c stands before it in v.
func (d *decoder) message(v []byte, c *scan.Cursor) (m llmhub.Message, ok bool) {
	if c.Peek() != '{' {
		return m, false
	}
	from := c.Offset()
	for c.Enter('{'); c.Member(); {
		switch string(plainKey(c.Key)) {
		case "role":
			m.Role = llmhub.Role(c.Text())
		case "content":
			m.Parts, ok = d.content(v, c)
		default:
			c.Skip()
		}
	}
	m.Origin = origin(v[from:c.Offset()])
	switch m.Role {
	case llmhub.RoleUser, llmhub.RoleAssistant, llmhub.RoleSystem:
		return m, ok
	}
	return m, false
}

// content reads a string, which is one text part, or blocks.
func (d *decoder) content(v []byte, c *scan.Cursor) (parts []llmhub.Part, ok bool) {
	switch c.Peek() {
	case '"':
		raw := c.Raw()
		text, ok := scan.Unquote(raw)
		return []llmhub.Part{{Kind: llmhub.PartText, Text: text, Origin: origin(raw)}}, ok
	case '[':
	default:
		return nil, false
	}
	parts = []llmhub.Part{}
	for c.Enter('['); c.Elem(); {
		if c.Peek() != '{' {
			return nil, false
		}
		p, ok := d.part(v, c)
		if !ok {
			return nil, false
		}
		parts = append(parts, p)
	}
	return parts, c.Err == nil
}

// block is the members of a content block, still JSON.
type block struct {
	raw                                          []byte
	kind                                         string
	text, thinking, signature, data              []byte
	id, name, input, toolUseID, content, isError []byte
	source, title, context, citations            []byte
	cache                                        []byte
}

// readBlock reads the block that c stands before in v.
func readBlock(v []byte, c *scan.Cursor) (b block) {
	c.Peek()
	from := c.Offset()
	for c.Enter('{'); c.Member(); {
		var to *[]byte
		switch string(plainKey(c.Key)) {
		case "type":
			b.kind = c.Text()
			continue
		case "text":
			to = &b.text
		case "thinking":
			to = &b.thinking
		case "signature":
			to = &b.signature
		case "data":
			to = &b.data
		case "id":
			to = &b.id
		case "name":
			to = &b.name
		case "input":
			to = &b.input
		case "tool_use_id":
			to = &b.toolUseID
		case "content":
			to = &b.content
		case "is_error":
			to = &b.isError
		case "source":
			to = &b.source
		case "title":
			to = &b.title
		case "context":
			to = &b.context
		case "citations":
			to = &b.citations
		case "cache_control":
			to = &b.cache
		default:
			c.Skip()
			continue
		}
		*to = c.Raw()
	}
	b.raw = v[from:c.Offset()]
	return b
}

// part reads one block.
func (d *decoder) part(v []byte, c *scan.Cursor) (llmhub.Part, bool) {
	b := readBlock(v, c)
	if c.Err != nil {
		return llmhub.Part{}, false
	}
	p := llmhub.Part{Kind: llmhub.PartOther, Cache: cacheMark(b.cache), Origin: origin(b.raw)}
	ok := true
	switch b.kind {
	case "text":
		p.Kind = llmhub.PartText
		p.Text, ok = scan.Unquote(b.text)
	case "thinking":
		p.Kind, p.Text = llmhub.PartReasoning, text(b.thinking)
		p.SignedBy, p.Signature = readSignature(text(b.signature))
	case "redacted_thinking":
		p.Kind, p.Redacted = llmhub.PartReasoning, true
		p.SignedBy, p.Signature = readSignature(text(b.data))
	case "tool_use":
		p.Kind, p.ID, p.Name, p.Args = llmhub.PartToolCall, text(b.id), text(b.name), string(b.input)
		ok = p.ID != "" && p.Name != ""
	case "tool_result":
		p.Kind, p.ID, p.Failed = llmhub.PartToolResult, text(b.toolUseID), string(b.isError) == "true"
		if ok = p.ID != ""; ok && !absent(b.content) {
			rc := scan.New(b.content)
			p.Result, ok = d.content(b.content, &rc)
		}
	case "image":
		if p.Media = d.media(b.source); p.Media != nil {
			p.Kind = llmhub.PartImage
		}
	case "document":
		d.document(&p, &b)
	}
	return p, ok
}

// document reads a document and what only this dialect says of one.
func (d *decoder) document(p *llmhub.Part, b *block) {
	if p.Media = d.media(b.source); p.Media == nil {
		return
	}
	p.Kind, p.Media.Name = llmhub.PartDocument, text(b.title)
	if !absent(b.context) {
		d.says("document.context", true)
	}
	if !absent(b.citations) {
		c := scan.New(b.citations)
		for c.Enter('{'); c.Member(); {
			if isKey(c.Key, "enabled") && c.Peek() == 't' {
				d.says("document.citations", false)
			}
			c.Skip()
		}
	}
}

// media reads a source; nil if the neck has no word for it.
func (d *decoder) media(source []byte) *llmhub.Media {
	var kind, mime, data, url, file string
	var content []byte
	c := scan.New(source)
	for c.Enter('{'); c.Member(); {
		switch string(plainKey(c.Key)) {
		case "type":
			kind = c.Text()
		case "media_type":
			mime = c.Text()
		case "data":
			data = c.Text()
		case "url":
			url = c.Text()
		case "file_id":
			file = c.Text()
		case "content":
			content = c.Raw()
		default:
			c.Skip()
		}
	}
	switch kind {
	case "base64":
		return &llmhub.Media{MIME: mime, Data: data}
	case "url":
		return &llmhub.Media{URL: url}
	case "file":
		return &llmhub.Media{FileID: file}
	case "text":
		return &llmhub.Media{MIME: "text/plain", Text: data}
	case "content":
		if s, ok := d.plainText(content); ok {
			return &llmhub.Media{MIME: "text/plain", Text: s}
		}
	}
	return nil
}

// plainText joins blocks of nothing but text.
func (d *decoder) plainText(v []byte) (string, bool) {
	c := scan.New(v)
	parts, ok := d.content(v, &c)
	var s []string
	for _, p := range parts {
		ok = ok && p.Kind == llmhub.PartText
		s = append(s, p.Text)
	}
	return strings.Join(s, "\n"), ok
}

// text is a JSON string's value; what is no string is "".
func text(v []byte) string {
	s, _ := scan.Unquote(v)
	return s
}

// cacheMark reads a cache_control.
func cacheMark(v []byte) time.Duration {
	if absent(v) {
		return 0
	}
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, "ttl") && c.Text() == "1h" {
			return time.Hour
		} else if !isKey(c.Key, "ttl") {
			c.Skip()
		}
	}
	return 5 * time.Minute
}

// nameResults gives each tool result the name of the tool that was called.
func nameResults(messages []llmhub.Message) {
	names := map[string]string{}
	for _, m := range messages {
		for i := range m.Parts {
			switch p := &m.Parts[i]; p.Kind {
			case llmhub.PartToolCall:
				names[p.ID] = p.Name
			case llmhub.PartToolResult:
				p.Name = names[p.ID]
			}
		}
	}
}

// tools reads the functions on offer.
func (d *decoder) tools(v []byte) ([]llmhub.Tool, error) {
	if absent(v) {
		return nil, nil
	}
	all := []llmhub.Tool{}
	c := scan.New(v)
	if c.Peek() != '[' {
		return nil, invalid("tools must be an array", "tools")
	}
	for c.Enter('['); c.Elem(); {
		t, ok := d.tool(v, &c)
		if !ok || c.Err != nil {
			return nil, invalid("each tool must be an object with a name", "tools["+strconv.Itoa(len(all))+"]")
		}
		all = append(all, t)
	}
	if c.Err != nil {
		return nil, invalid("tools must be an array", "tools")
	}
	return all, nil
}

func (d *decoder) tool(v []byte, c *scan.Cursor) (t llmhub.Tool, ok bool) {
	if c.Peek() != '{' {
		return t, false
	}
	from := c.Offset()
	kind := ""
	var more []string // members that the neck has no word for
	for c.Enter('{'); c.Member(); {
		switch key := string(plainKey(c.Key)); key {
		case "type":
			kind = c.Text()
		case "name":
			t.Name = c.Text()
		case "description":
			t.Description = c.Text()
		case "input_schema":
			t.Schema = c.Raw()
		case "strict":
			if v := c.Raw(); !absent(v) {
				strict := string(v) == "true"
				t.Strict = &strict
			}
		case "cache_control":
			t.Cache = cacheMark(c.Raw())
		default:
			more = append(more, key)
			c.Skip()
		}
	}
	t.Origin = origin(v[from:c.Offset()])
	if kind != "" && kind != "custom" {
		d.says("tools."+kind, false)
		return llmhub.Tool{Cache: t.Cache, Origin: t.Origin}, true
	}
	for _, key := range more {
		d.says("tools."+key, true)
	}
	return t, t.Name != ""
}

// sampling reads the numbers that tune the answer, and where it stops.
func (d *decoder) sampling(b *body, p *llmhub.Prompt) error {
	var topK *float64
	for _, n := range []struct {
		key int
		to  **float64
	}{{kTemperature, &p.Temperature}, {kTopP, &p.TopP}, {kTopK, &topK}} {
		v := b.value(n.key)
		if absent(v) {
			continue
		}
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil || v[0] == '"' {
			return invalid(keys[n.key]+" must be a number", keys[n.key])
		}
		*n.to = &f
	}
	if topK != nil {
		k := int(*topK)
		p.TopK = &k
	}
	var ok bool
	if p.Stop, ok = stringList(b.value(kStopSequences)); !ok {
		return invalid("stop_sequences must be an array of strings", "stop_sequences")
	}
	return nil
}

// toolChoice reads which tool must be called, and whether one at a time.
func (d *decoder) toolChoice(v []byte) (*llmhub.ToolChoice, *bool) {
	if absent(v) {
		return nil, nil
	}
	var kind, name string
	var parallel *bool
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(plainKey(c.Key)) {
		case "type":
			kind = c.Text()
		case "name":
			name = c.Text()
		case "disable_parallel_tool_use":
			if v := c.Raw(); !absent(v) {
				welcome := string(v) != "true"
				parallel = &welcome
			}
		default:
			c.Skip()
		}
	}
	switch kind {
	case "auto":
		return &llmhub.ToolChoice{Mode: llmhub.ToolAuto}, parallel
	case "any":
		return &llmhub.ToolChoice{Mode: llmhub.ToolRequired}, parallel
	case "tool":
		return &llmhub.ToolChoice{Mode: llmhub.ToolNamed, Name: name}, parallel
	case "none":
		return &llmhub.ToolChoice{Mode: llmhub.ToolNone}, parallel
	}
	d.says("tool_choice", false)
	return nil, parallel
}

// reasoning reads how much to think. Adaptive thinking without an effort is a
// Reasoning that says nothing more.
func (d *decoder) reasoning(thinking, config []byte) *llmhub.Reasoning {
	effort := text(memberOf(config, "effort"))
	if absent(thinking) {
		if effort == "" {
			return nil
		}
		return &llmhub.Reasoning{Effort: effort}
	}
	r := &llmhub.Reasoning{Effort: effort}
	switch text(memberOf(thinking, "type")) {
	case "disabled":
		if effort != "" {
			d.says("output_config.effort", true)
		}
		return &llmhub.Reasoning{Effort: "none"}
	case "enabled":
		n, _ := strconv.Atoi(string(memberOf(thinking, "budget_tokens")))
		r.Budget = n
	case "adaptive":
	default:
		d.says("thinking", true)
	}
	show := true
	switch text(memberOf(thinking, "display")) {
	case "summarized":
		r.Show = &show
	case "omitted":
		show = false
		r.Show = &show
	}
	return r
}

// memberOf is the value of an object's member, nil when it is not there or null.
func memberOf(object []byte, key string) (v []byte) {
	c := scan.New(object)
	if c.Peek() != '{' {
		return nil
	}
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, key) {
			v = c.Raw()
			continue
		}
		c.Skip()
	}
	if absent(v) {
		return nil
	}
	return v
}

// format reads the schema of the answer, which an older beta called
// output_format.
func (d *decoder) format(config, old []byte) *llmhub.Format {
	f := memberOf(config, "format")
	if f == nil && !absent(old) {
		f = old
	}
	if f == nil {
		return nil
	}
	schema := memberOf(f, "schema")
	if text(memberOf(f, "type")) != "json_schema" || schema == nil {
		d.says("output_config.format", false)
		return nil
	}
	return &llmhub.Format{Schema: json.RawMessage(schema)}
}

// user reads the caller's end user out of metadata.
func (d *decoder) user(metadata []byte) (id string) {
	c := scan.New(metadata)
	if absent(metadata) || c.Peek() != '{' {
		return ""
	}
	for c.Enter('{'); c.Member(); {
		if isKey(c.Key, "user_id") {
			id = c.Text()
			continue
		}
		d.says("metadata", true)
		c.Skip()
	}
	return id
}

// beyond notes the members that the neck has no word for.
func (d *decoder) beyond(b *body) {
	for _, k := range []int{kContainer, kMCPServers} {
		if v := b.value(k); !isOneOf(v, []string{"[]"}) {
			d.says(keys[k], false)
		}
	}
	for _, k := range []int{kServiceTier, kSpeed} {
		if !absent(b.value(k)) {
			d.says(keys[k], true)
		}
	}
	if !isOneOf(b.value(kInferenceGeo), []string{`"global"`}) {
		d.says(keys[kInferenceGeo], false)
	}
	if v := b.value(kContextManagement); !absent(v) {
		d.says(keys[kContextManagement], clearsThinkingOnly(v))
	}
	c := scan.New(b.json)
	for c.Enter('{'); c.Member(); {
		if key := string(c.Key); !slices.Contains(keys, key) && c.Peek() != 'n' {
			d.says(key, harmless[key])
		}
		c.Skip()
	}
}

// harmless are members without which an answer is still the one asked for. What
// an unknown one means nobody can say.
var harmless = map[string]bool{"betas": true, "anthropic_beta": true, "anthropic_version": true, "diagnostics": true, "user_profile_id": true}

// clearsThinkingOnly reports whether context_management touches nothing but old
// thinking, which other dialects are not sent anyway.
func clearsThinkingOnly(v []byte) bool {
	only := true
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		if !isKey(c.Key, "edits") {
			c.Skip()
			continue
		}
		for c.Enter('['); c.Elem(); {
			only = strings.HasPrefix(text(memberOf(c.Raw(), "type")), "clear_thinking_") && only
		}
	}
	return only
}
