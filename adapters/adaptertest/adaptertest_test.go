package adaptertest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/adapters/adaptertest"
	"github.com/llmhubd/llmhub/llmhub"
)

// plain is a simple adapter of a Chat Completions provider, that has at most one
// fault.
type plain struct {
	url    string
	fault  string
	client *http.Client

	mu   sync.Mutex
	last llmhub.Key // with the fault "mixes keys up"
}

// faults are the faults that a plain adapter can have.
var faults = []string{
	"sends ahead", "tells the key in the URL", "forgets the key's origin", "sends the caller's model", "forgets the cap", "mixes keys up",
	"begins without a start", "reads all before it speaks", "takes only what it asked for", "knows no reason to stop", "fumbles split lines",
	"starts before an error", "knows one kind", "knows no Retry-After", "heeds any Retry-After", "retries", "follows redirects",
	"takes a part for the whole", "takes nothing for an answer", "charges what it never sent", "tells the key", "leaves the connection open",
	"ignores the context", "goes on after the consumer has left", "hides its errors",
}

func opener(t testing.TB, fault string) adaptertest.Opener {
	return func(url string) llmhub.Adapter {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		p := &plain{url: url, fault: fault, client: &http.Client{Transport: transport}}
		if fault != "follows redirects" {
			p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		}
		return p
	}
}

func (p *plain) Stream(ctx context.Context, call *llmhub.Call) llmhub.Stream {
	if p.fault == "sends ahead" {
		p.post(ctx, call)
	}
	return func(yield func(llmhub.Event, error) bool) {
		left := false
		say := func(ev llmhub.Event, err error) bool {
			if left && p.fault != "goes on after the consumer has left" {
				return false
			}
			left = !yield(ev, err) || left
			return !left || p.fault == "goes on after the consumer has left"
		}
		if err := p.run(ctx, call, say); err != nil && p.fault != "hides its errors" {
			say(llmhub.Event{}, err)
		}
	}
}

func (p *plain) run(ctx context.Context, call *llmhub.Call, yield func(llmhub.Event, error) bool) error {
	if ctx.Err() != nil && p.fault != "ignores the context" {
		return &llmhub.Error{Kind: llmhub.Canceled}
	}
	start := llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{Model: call.Target.Model}}
	if p.fault == "starts before an error" && !yield(start, nil) {
		return nil
	}
	resp, err := p.post(ctx, call)
	if p.fault == "retries" && (err != nil || resp.StatusCode >= 500) {
		resp, err = p.post(ctx, call)
	}
	if err != nil {
		return p.unanswered(ctx, err)
	}
	if p.fault != "leaves the connection open" {
		defer resp.Body.Close()
	}
	if resp.StatusCode != 200 {
		return p.refused(resp, call)
	}
	if p.fault != "starts before an error" && p.fault != "begins without a start" && !yield(start, nil) {
		return nil
	}
	return p.read(ctx, resp, call, yield)
}

func (p *plain) post(ctx context.Context, call *llmhub.Call) (*http.Response, error) {
	prompt, err := call.Body.Decode()
	if err != nil {
		return nil, err
	}
	body := map[string]any{"model": call.Target.Model, "stream": call.Stream, "max_tokens": call.MaxTokens,
		"messages": []any{map[string]any{"role": "user", "content": prompt.Messages[0].Parts[0].Text}}}
	if p.fault == "sends the caller's model" {
		body["model"] = call.Model
	}
	if p.fault == "forgets the cap" {
		delete(body, "max_tokens")
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	key, url := call.Key, p.url
	if p.fault == "mixes keys up" {
		p.mu.Lock()
		p.last = key
		p.mu.Unlock()
		for range 100 {
			runtime.Gosched()
		}
		p.mu.Lock()
		key = p.last
		p.mu.Unlock()
	}
	if key.URL != "" && p.fault != "forgets the key's origin" {
		url = key.URL
	}
	url += "/chat/completions"
	if p.fault == "tells the key in the URL" {
		url += "?key=" + key.Secret.Expose()
	}
	if p.fault == "ignores the context" {
		ctx = context.WithoutCancel(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key.Secret.Expose())
	return p.client.Do(req)
}

func (p *plain) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return &llmhub.Error{Kind: llmhub.Canceled, Sent: true, Err: err}
	case strings.Contains(err.Error(), "dial"):
		return &llmhub.Error{Kind: llmhub.Unreachable, Sent: p.fault == "charges what it never sent", Err: err}
	}
	return &llmhub.Error{Kind: llmhub.Broken, Sent: true, Err: err}
}

func (p *plain) refused(resp *http.Response, call *llmhub.Call) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return &llmhub.Error{Kind: llmhub.Broken, Sent: true, Err: err}
	}
	e := &llmhub.Error{Kind: llmhub.InvalidRequest, Status: resp.StatusCode, Message: string(b), Sent: resp.StatusCode >= 500}
	if p.fault != "tells the key" {
		e.Message = strings.ReplaceAll(e.Message, call.Key.Secret.Expose(), call.Key.Secret.Masked())
	}
	if p.fault == "knows one kind" {
		return e
	}
	switch s := resp.StatusCode; {
	case s == 401:
		e.Kind, e.Verdict.State = llmhub.BadCredential, llmhub.KeyInvalid
	case s == 403:
		e.Kind = llmhub.PermissionDenied
	case s == 429:
		e.Kind, e.Verdict.State = llmhub.RateLimited, llmhub.KeyCooling
	case s >= 500:
		e.Kind = llmhub.UpstreamFailed
	case s < 400:
		e.Kind, e.Sent = llmhub.Malformed, true
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && p.fault != "knows no Retry-After" && (e.Kind == llmhub.RateLimited || p.fault == "heeds any Retry-After") {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

// chunk is an answer, or a piece of one.
type chunk struct {
	Choices []struct {
		Message, Delta struct{ Content string }
		FinishReason   string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
	}
}

func (p *plain) read(ctx context.Context, resp *http.Response, call *llmhub.Call, yield func(llmhub.Event, error) bool) error {
	var body io.Reader = resp.Body
	if p.fault == "reads all before it speaks" {
		b, err := io.ReadAll(body)
		if err != nil {
			return p.broken(ctx, err)
		}
		body = bytes.NewReader(b)
	}
	in := bufio.NewReader(body)
	opened, finished := false, false
	end := llmhub.Event{Kind: llmhub.EventEnd, End: &llmhub.End{}, Usage: &llmhub.Usage{}}
	for {
		line, err := in.ReadBytes('\n')
		if p.fault == "fumbles split lines" && in.Buffered() == 0 && len(line) > 20 {
			line = line[:len(line)-20]
		}
		if data := bytes.TrimPrefix(bytes.TrimSpace(line), []byte("data: ")); len(data) > 0 && string(data) != "[DONE]" {
			var c chunk
			if jerr := json.Unmarshal(data, &c); jerr != nil {
				return &llmhub.Error{Kind: llmhub.Malformed, Sent: true, Err: errors.Join(jerr, err)}
			}
			if call.Stream && bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) && p.fault == "takes only what it asked for" {
				return &llmhub.Error{Kind: llmhub.Malformed, Sent: true}
			}
			for _, choice := range c.Choices {
				text := choice.Message.Content + choice.Delta.Content
				if !opened && text != "" {
					opened = true
					if !yield(llmhub.Event{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}}, nil) {
						return nil
					}
				}
				if text != "" && !yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: text}, nil) {
					return nil
				}
				if choice.FinishReason != "" && p.fault != "knows no reason to stop" {
					end.End.Stop = llmhub.StopEnd
				}
				finished = finished || choice.FinishReason != ""
			}
			if c.Usage != nil {
				end.Usage.Input, end.Usage.Output = c.Usage.Prompt, c.Usage.Completion
			}
		}
		switch {
		case err == io.EOF && (finished || opened && p.fault == "takes a part for the whole" || !opened && p.fault == "takes nothing for an answer"):
			yield(end, nil)
			return nil
		case err != nil:
			return p.broken(ctx, err)
		}
	}
}

func (p *plain) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &llmhub.Error{Kind: llmhub.Canceled, Sent: true, Err: err}
	}
	return &llmhub.Error{Kind: llmhub.Broken, Sent: true, Err: err}
}

func TestPlainAdapterKeepsEveryClaim(t *testing.T) {
	adaptertest.Run(t, opener(t, ""), adaptertest.OpenAIChat())
}

// TestEveryFaultIsCaught also sees to it that no claim is one that cannot fail.
func TestEveryFaultIsCaught(t *testing.T) {
	var failed sync.Map
	t.Run("faults", func(t *testing.T) {
		for _, fault := range faults {
			t.Run(fault, func(t *testing.T) {
				t.Parallel()
				caught := false
				for _, claim := range adaptertest.Claims() {
					if fails(t, claim, fault) {
						failed.Store(claim.Name, true)
						caught = true
					}
				}
				if !caught {
					t.Errorf("no claim fails on an adapter that %s", fault)
				}
			})
		}
	})
	for _, claim := range adaptertest.Claims() {
		if _, ok := failed.Load(claim.Name); !ok {
			t.Errorf("no fault makes the claim %q fail", claim.Name)
		}
	}
}

// fails reports whether a claim fails on an adapter with the fault.
func fails(t *testing.T, claim adaptertest.Claim, fault string) bool {
	tb := &recorder{TB: t}
	done := make(chan bool)
	go func() { // ended by Goexit when the claim is fatal
		defer close(done)
		defer func() {
			if recover() != nil { // the runtime's word on a stream that goes on after its end
				tb.fail()
			}
		}()
		claim.Check(tb, opener(t, fault), adaptertest.OpenAIChat())
	}()
	<-done
	for i := range tb.cleanups {
		tb.cleanups[len(tb.cleanups)-1-i]()
	}
	return tb.failed
}

// recorder is a testing.TB that keeps to itself that a claim has failed.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

func (r *recorder) fail() {
	r.mu.Lock()
	r.failed = true
	r.mu.Unlock()
}

func (r *recorder) Helper()               {}
func (r *recorder) Error(...any)          { r.fail() }
func (r *recorder) Errorf(string, ...any) { r.fail() }
func (r *recorder) Fatal(...any)          { r.fail(); runtime.Goexit() }
func (r *recorder) Fatalf(string, ...any) { r.fail(); runtime.Goexit() }
func (r *recorder) Cleanup(f func())      { r.cleanups = append(r.cleanups, f) }
