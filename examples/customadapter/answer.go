package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// listen reads the answer: a start, an open part, its deltas, its close, an end.
func listen(ctx context.Context, call *llmhub.Call, body io.Reader, yield func(llmhub.Event, error) bool) error {
	if !yield(llmhub.Event{Kind: llmhub.EventStart, Start: &llmhub.Start{Model: call.Target.Model}}, nil) ||
		!yield(llmhub.Event{Kind: llmhub.EventOpen, Part: &llmhub.Part{Kind: llmhub.PartText}}, nil) {
		return nil
	}
	for lines := bufio.NewScanner(body); lines.Scan(); {
		call.Touch()
		if len(lines.Bytes()) == 0 {
			continue
		}
		var line struct {
			Say     string
			Done    bool
			In, Out int64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return failed(ctx, call, llmhub.Malformed, true, err)
		}
		if line.Say != "" && !yield(llmhub.Event{Kind: llmhub.EventDelta, Delta: line.Say}, nil) {
			return nil
		}
		if line.Done {
			if yield(llmhub.Event{Kind: llmhub.EventClose}, nil) {
				yield(llmhub.Event{Kind: llmhub.EventEnd, End: &llmhub.End{Stop: llmhub.StopEnd}, Usage: &llmhub.Usage{Input: line.In, Output: line.Out}}, nil)
			}
			return nil
		}
	}
	return failed(ctx, call, llmhub.Broken, true, nil)
}

// failed is an error without an answer; sent says that it may have cost.
func failed(ctx context.Context, call *llmhub.Call, kind llmhub.Kind, sent bool, err error) error {
	if ctx.Err() != nil {
		kind = llmhub.Canceled
	}
	return &llmhub.Error{Kind: kind, Provider: call.Target.Provider, Sent: sent, Err: err}
}

// refusal says what a status means for the request and for the key.
func refusal(call *llmhub.Call, resp *http.Response) error {
	e := &llmhub.Error{Kind: llmhub.InvalidRequest, Provider: call.Target.Provider, Status: resp.StatusCode}
	switch {
	case resp.StatusCode < 400:
		e.Kind = llmhub.Malformed
	case resp.StatusCode == http.StatusUnauthorized:
		e.Kind, e.Verdict.State = llmhub.BadCredential, llmhub.KeyInvalid
	case resp.StatusCode == http.StatusForbidden:
		e.Kind = llmhub.PermissionDenied
	case resp.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0: it does not say
		e.Kind, e.Verdict.State, e.RetryAfter = llmhub.RateLimited, llmhub.KeyCooling, time.Duration(seconds)*time.Second
	case resp.StatusCode >= 500:
		e.Kind, e.Sent = llmhub.UpstreamFailed, true
	}
	return e
}
