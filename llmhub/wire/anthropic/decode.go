package anthropic

import (
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
