package anthropic

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Error classifies an answer that is no success by what it says. call may be
// nil.
func (c Client) Error(call *llmhub.Call, status int, header http.Header, body []byte) *llmhub.Error {
	e := c.classify(call, status, header, body)
	e.Sent = status >= 500 || status == http.StatusRequestTimeout
	return e
}

// streamError classifies an error that came after status 200. One before the
// message began is charged to nobody.
func (c Client) streamError(call *llmhub.Call, data []byte, begun bool) *llmhub.Error {
	e := c.classify(call, 0, nil, data)
	e.Sent = begun
	return e
}

// name is what errors call the provider.
func (c Client) name(call *llmhub.Call) string {
	if call != nil && call.Target.Provider != "" {
		return call.Target.Provider
	}
	return c.provider()
}

func (c Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// How long a key stays away from a model that it may not use, or that there is
// not.
const (
	modelDenied  = time.Hour
	modelMissing = 10 * time.Minute
)

// maxRaw bounds what is kept of an error's body.
const maxRaw = 64 << 10

// maxWords bounds what is kept of the provider's words.
const maxWords = 400

func (c Client) classify(call *llmhub.Call, status int, header http.Header, body []byte) *llmhub.Error {
	e := &llmhub.Error{Provider: c.name(call), Status: status}
	body = bytes.TrimSpace(body)
	said := memberOf(body, "error")
	kind, code := text(memberOf(said, "type")), text(memberOf(memberOf(said, "details"), "error_code"))
	e.Message = text(memberOf(said, "message"))
	if len(e.Message) > maxWords {
		e.Message = strings.ToValidUTF8(e.Message[:maxWords], "") + "…"
	}
	if e.Code = code; code == "" {
		e.Code = kind
	}
	if kind != "" && len(body) <= maxRaw {
		e.Dialect, e.Raw = Name, bytes.Clone(body)
	}
	e.Kind = kindOf(status, kind, body)
	c.judge(e, kind, header)
	return e
}

// kindOf is the kind by the provider's type, else by the status.
func kindOf(status int, word string, body []byte) llmhub.Kind {
	switch word {
	case "invalid_request_error":
		if status == http.StatusUnprocessableEntity {
			return llmhub.Unprocessable
		}
		return llmhub.InvalidRequest
	case "authentication_error":
		return llmhub.BadCredential
	case "billing_error":
		return llmhub.Unfunded
	case "permission_error":
		return llmhub.PermissionDenied
	case "not_found_error":
		return llmhub.ModelNotFound
	case "conflict_error":
		return llmhub.Conflict
	case "request_too_large":
		return llmhub.RequestTooLarge
	case "rate_limit_error":
		return llmhub.RateLimited
	case "overloaded_error":
		return llmhub.Overloaded
	case "api_error", "timeout_error":
		return llmhub.UpstreamFailed
	case "forbidden": // what the firewall says in JSON
		return llmhub.Blocked
	}
	page := len(body) > 0 && body[0] == '<' // not the API: what stands in front of it
	switch {
	case status == http.StatusRequestTimeout:
		return llmhub.Timeout
	case status == http.StatusRequestEntityTooLarge:
		return llmhub.RequestTooLarge
	case status == http.StatusTooManyRequests:
		return llmhub.RateLimited
	case page && status >= 400 && status < 500:
		return llmhub.Blocked
	case status == http.StatusUnauthorized:
		return llmhub.BadCredential
	case status == http.StatusPaymentRequired:
		return llmhub.Unfunded
	case status == http.StatusForbidden:
		return llmhub.PermissionDenied
	case status == http.StatusNotFound:
		return llmhub.ModelNotFound
	case status == http.StatusConflict, status == http.StatusTooEarly:
		return llmhub.Conflict
	case status == http.StatusUnprocessableEntity:
		return llmhub.Unprocessable
	case status >= 520 && status <= 529:
		return llmhub.Overloaded
	case status >= 500, status == 0:
		return llmhub.UpstreamFailed
	case status >= 400:
		return llmhub.InvalidRequest
	}
	return llmhub.Malformed
}

// judge sharpens the kind by the words, and says what follows for the key.
func (c Client) judge(e *llmhub.Error, word string, header http.Header) {
	said := strings.ToLower(e.Message)
	has := func(s string) bool { return strings.Contains(said, s) }
	switch e.Kind {
	case llmhub.InvalidRequest:
		switch {
		case has("prompt is too long"), has("exceed context limit"), has("exceeds context limit"):
			e.Kind = llmhub.ContextLength
		case has("credit balance is too low"):
			e.Kind = llmhub.Unfunded
		case has("reached your specified api usage limits"):
			e.Kind = llmhub.Unfunded
			e.Verdict.Until = regained(e.Message)
		case has("content filtering policy"):
			e.Kind = llmhub.ContentPolicy
		case has("organization has been disabled"):
			e.Kind, word = llmhub.BadCredential, "authentication_error"
		}
	case llmhub.RateLimited:
		if e.Code == "enforced_spend_limit_reached" || strings.Contains(e.Code, "credit") || strings.Contains(e.Code, "billing") {
			e.Kind = llmhub.Unfunded
		}
	}
	now := c.now()
	switch e.Kind {
	case llmhub.RateLimited:
		e.RetryAfter = retryAfter(header, now)
		if e.RetryAfter == 0 {
			e.RetryAfter = untilReset(header, now)
		}
		e.Verdict = llmhub.Verdict{State: llmhub.KeyCooling}
		if e.RetryAfter > 0 {
			e.Verdict.Until = now.Add(e.RetryAfter)
		}
	case llmhub.Overloaded, llmhub.UpstreamFailed:
		e.RetryAfter = retryAfter(header, now)
	case llmhub.Unfunded:
		e.Verdict.State = llmhub.KeyUnfunded
	case llmhub.BadCredential:
		e.Verdict = llmhub.Verdict{State: llmhub.KeyInvalid, Sure: word == "authentication_error"}
	case llmhub.PermissionDenied:
		e.Verdict = llmhub.Verdict{State: llmhub.KeyCooling, Model: true, Until: now.Add(modelDenied)}
	case llmhub.ModelNotFound:
		e.Verdict = llmhub.Verdict{State: llmhub.KeyCooling, Model: true, Until: now.Add(modelMissing)}
	}
}

// regained reads "You will regain access on 2026-12-01 at 00:00 UTC."; zero if
// it is not said so.
func regained(message string) time.Time {
	_, rest, _ := strings.Cut(message, "regain access on ")
	const layout = "2006-01-02 at 15:04 MST"
	if len(rest) < len(layout) {
		return time.Time{}
	}
	t, err := time.Parse(layout, rest[:len(layout)])
	if err != nil {
		return time.Time{}
	}
	return t
}

// retryAfter reads Retry-After (RFC 9110, 10.2.3), seconds or a date; 0 if it is
// not said.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e7 {
		return time.Duration(s * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// untilReset is how long until the last of the limits that are used up is full
// again; 0 if the headers name none.
func untilReset(h http.Header, now time.Time) (wait time.Duration) {
	for _, what := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		if h.Get("Anthropic-Ratelimit-"+what+"-Remaining") != "0" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-"+what+"-Reset")); err == nil {
			wait = max(wait, t.Sub(now))
		}
	}
	return wait
}

// Error renders an error before anything has gone out. What a provider of this
// dialect said is relayed, but for what it said of its key: the caller's own key
// is not the one meant.
func (Server) Error(err *llmhub.Error, as wire.Identity) (status int, body []byte) {
	if relayed(err) {
		if status = err.Status; status < 400 {
			status = wire.ClassOf(err.Kind).Status
		}
		return status, err.Raw
	}
	class := classFor(err)
	return class.Status, appendError(nil, err, class, as.ID)
}

func relayed(err *llmhub.Error) bool {
	return err.Dialect == Name && len(err.Raw) > 0 && !aboutKey(err)
}

// aboutKey reports whether a provider refused its key, and not the request.
func aboutKey(err *llmhub.Error) bool {
	return err.Provider != "" && (err.Kind == llmhub.BadCredential || err.Kind == llmhub.Unfunded)
}

func classFor(err *llmhub.Error) wire.Class {
	if aboutKey(err) || err.Provider != "" && err.Kind == llmhub.PermissionDenied {
		return wire.ClassOf(llmhub.AllFailed)
	}
	return wire.ClassOf(err.Kind)
}

// errorType is the dialect's word for a status.
func errorType(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "invalid_request_error"
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusConflict:
		return "conflict_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusServiceUnavailable:
		return "overloaded_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	}
	return "api_error"
}

// appendError words an error.
func appendError(dst []byte, err *llmhub.Error, class wire.Class, id string) []byte {
	message := class.Message
	if class == wire.ClassOf(err.Kind) {
		message = wire.Message(err)
	}
	dst = append(dst, `{"type":"error","error":{"type":"`...)
	dst = append(append(dst, errorType(class.Status)...), `","message":`...)
	dst = append(wire.AppendString(dst, message), `,"details":{"error_code":`...)
	dst = wire.AppendString(dst, class.Code)
	if err.Param != "" && err.Provider == "" {
		dst = wire.AppendString(append(dst, `,"param":`...), err.Param)
	}
	dst = append(dst, "}}"...)
	if id != "" {
		dst = wire.AppendString(append(dst, `,"request_id":`...), id)
	}
	return append(dst, '}')
}
