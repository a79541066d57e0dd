package openaichat

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Error classifies an answer of another status than 200. The body counts
// whatever its content type says.
func (c *Client) Error(call *llmhub.Call, status int, header http.Header, body []byte) *llmhub.Error {
	f := readFailure(body)
	f.Status, f.Header = status, header
	e := c.classify(call, f)
	if f.said() && (callersOwn(e.Kind) || status == 400 && e.Kind == llmhub.UpstreamFailed) && call.Accept == Name {
		e.Dialect, e.Raw = Name, bytes.Clone(body)
	}
	return e
}

// readFailure reads an error envelope: {"error":{…}}, {"error":"…"}, one of them
// in an array, or the inner object alone.
func readFailure(body []byte) Failure {
	var f Failure
	c := scan.New(body)
	if c.Peek() == '[' {
		c.Enter('[')
		c.Elem()
	}
	f.read(c.Raw())
	return f
}

func (f *Failure) read(v []byte) {
	c := scan.New(v)
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "error":
			if c.Peek() == '"' {
				f.Message = c.Text()
				continue
			}
			if inner := c.Raw(); !isNull(inner) {
				f.read(inner)
			}
		case "message":
			f.Message = c.Text()
		case "type":
			f.Type = c.Text()
		case "code":
			f.Code = strings.Trim(string(c.Raw()), `"`)
			if f.Code == "null" {
				f.Code = ""
			}
		case "param":
			f.Param = c.Text()
		case "status", "status_code":
			if c.Peek() == '"' {
				f.Type = c.Text()
				continue
			}
			f.Status = int(c.Int())
		default:
			c.Skip()
		}
	}
}

// said reports whether there was an envelope at all.
func (f *Failure) said() bool { return f.Message != "" || f.Code != "" || f.Type != "" }

// inStream is an error that came after status 200.
func (c *Client) inStream(call *llmhub.Call, data []byte) *llmhub.Error {
	f := readFailure(data)
	f.InStream = true
	if n, err := strconv.Atoi(f.Code); err == nil && f.Status == 0 {
		f.Status = n
	}
	if f.Status < 400 || f.Status > 599 {
		f.Status = statusOf(&f)
	}
	return c.classify(call, f)
}

// statusOf guesses the status that an error in a stream would have had.
func statusOf(f *Failure) int {
	for _, s := range []struct {
		word   string
		status int
	}{
		{"rate_limit", 429}, {"insufficient_quota", 429}, {"resource_exhausted", 429}, {"overloaded", 503}, {"unavailable", 503},
		{"authentication", 401}, {"invalid_api_key", 401}, {"permission", 403}, {"model_not_found", 404}, {"not_found", 404},
		{"timeout", 504}, {"invalid", 400}, {"context_length", 400}, {"content_filter", 400}, {"content_policy", 400}, {"tool_use_failed", 400},
	} {
		if contains(f.Code, s.word) || contains(f.Type, s.word) {
			return s.status
		}
	}
	return 500
}

func (c *Client) classify(call *llmhub.Call, f Failure) *llmhub.Error {
	e := &llmhub.Error{Kind: kindOf(&f), Provider: c.Provider, Status: f.Status, Code: f.Code, Message: f.Message, Param: f.Param}
	if e.Code == "" {
		e.Code = f.Type
	}
	e.Sent = f.Status >= 500 || f.Status == http.StatusRequestTimeout
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if e.Kind == llmhub.RateLimited || e.Kind == llmhub.Overloaded || e.Kind == llmhub.UpstreamFailed {
		e.RetryAfter = retryAfter(&f, now())
	}
	e.Verdict = verdict(e, &f, now())
	if c.Refine != nil {
		c.Refine(e, f)
	}
	e.Message = clean(e)
	return e
}

// kindOf reads what went wrong from the code first, then the words, then the
// status, for types and statuses are used loosely.
func kindOf(f *Failure) llmhub.Kind {
	words := strings.ToLower(f.Message)
	has := func(any ...string) bool {
		for _, w := range any {
			if strings.Contains(words, w) {
				return true
			}
		}
		return false
	}
	switch {
	case f.Code == "context_length_exceeded", f.Code == "string_above_max_length", has("maximum context length", "context length exceeded", "context window", "context_length_exceeded") && f.Status < 500:
		return llmhub.ContextLength
	case f.Code == "content_filter", f.Code == "content_policy_violation", has("content management policy", "content policy", "safety system") && f.Status < 500:
		return llmhub.ContentPolicy
	case f.Code == "insufficient_quota", f.Type == "insufficient_quota", f.Code == "billing_hard_limit_reached", f.Code == "billing_not_active",
		f.Code == "credit_balance_exhausted", f.Status == http.StatusPaymentRequired, has("insufficient balance", "exceeded your current quota, please check your plan", "credit balance", "account is not active") && f.Status < 500:
		return llmhub.Unfunded
	case f.Code == "invalid_api_key", f.Code == "account_deactivated", has("api key not found", "api key expired", "api key not valid", "api_key_invalid") && f.Status < 500:
		return llmhub.BadCredential
	case f.Status == http.StatusTooManyRequests || f.Status == http.StatusRequestEntityTooLarge:
		return tooMuch(f, has)
	case f.Code == "model_not_found", f.Status == http.StatusNotFound, f.Status == 400 && has("model not exist", "model does not exist", "unknown model", "model not found"):
		return llmhub.ModelNotFound
	case f.Code == "unsupported_parameter", f.Code == "unsupported_value", f.Status == 400 && has("does not support", "not supported", "unknown variant", "unsupported"):
		return llmhub.Unsupported
	case f.Code == "tool_use_failed": // the model's doing: another may do better
		return llmhub.UpstreamFailed
	}
	return kindOfStatus(f, has)
}

// tooMuch tells a request that is itself above a limit from one that must wait.
func tooMuch(f *Failure, has func(...string) bool) llmhub.Kind {
	limit, requested := numberAfter(f.Message, "Limit "), numberAfter(f.Message, "Requested ")
	switch {
	case has("request too large", "reduce your message size", "must be reduced in order"), limit > 0 && requested > limit,
		f.Status == http.StatusRequestEntityTooLarge:
		return llmhub.RequestTooLarge
	case has("overloaded", "high demand", "no capacity", "engine is currently"):
		return llmhub.Overloaded
	}
	return llmhub.RateLimited
}

func kindOfStatus(f *Failure, has func(...string) bool) llmhub.Kind {
	switch s := f.Status; {
	case s == http.StatusUnauthorized:
		return llmhub.BadCredential
	case s == http.StatusForbidden:
		if !f.said() || has("country, region", "unsupported_country") || f.Code == "unsupported_country_region_territory" {
			return llmhub.Blocked
		}
		return llmhub.PermissionDenied
	case s == http.StatusRequestTimeout, s == http.StatusGatewayTimeout:
		return llmhub.Timeout
	case s == http.StatusConflict, s == http.StatusTooEarly:
		return llmhub.Conflict
	case s == http.StatusUnprocessableEntity:
		return llmhub.Unprocessable
	case s == 498, s == http.StatusServiceUnavailable, s == 529, has("overloaded") && s >= 500:
		return llmhub.Overloaded
	case s >= 500:
		return llmhub.UpstreamFailed
	case s >= 300 && s < 400:
		return llmhub.Malformed
	case s == http.StatusBadRequest && !f.said():
		return llmhub.UpstreamFailed // no dialect's words: something in between
	}
	return llmhub.InvalidRequest
}

// verdict is what an error says about the key.
func verdict(e *llmhub.Error, f *Failure, now time.Time) llmhub.Verdict {
	switch e.Kind {
	case llmhub.BadCredential:
		return llmhub.Verdict{State: llmhub.KeyInvalid, Sure: f.Code == "invalid_api_key" || f.Code == "account_deactivated"}
	case llmhub.Unfunded:
		return llmhub.Verdict{State: llmhub.KeyUnfunded}
	case llmhub.PermissionDenied:
		return llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(time.Hour), Model: true}
	case llmhub.ModelNotFound:
		return llmhub.Verdict{State: llmhub.KeyCooling, Until: now.Add(10 * time.Minute), Model: true}
	case llmhub.RateLimited:
		v := llmhub.Verdict{State: llmhub.KeyCooling}
		if perDay(f.Message) {
			v.State = llmhub.KeyExhausted
		}
		if e.RetryAfter > 0 {
			v.Until = now.Add(e.RetryAfter)
		}
		return v
	}
	return llmhub.Verdict{}
}

// perDay reports whether a limit's words name a day's window.
func perDay(message string) bool {
	return strings.Contains(message, "(TPD)") || strings.Contains(message, "(RPD)") || strings.Contains(message, "per day")
}

// callersOwn are the kinds that a caller can do something about, so that the
// provider's words help him.
func callersOwn(k llmhub.Kind) bool {
	switch k {
	case llmhub.InvalidRequest, llmhub.Unsupported, llmhub.ContextLength, llmhub.ContentPolicy, llmhub.RequestTooLarge, llmhub.Unprocessable,
		llmhub.ModelNotFound:
		return true
	}
	return false
}

// clean cuts an error's words short, and leaves out those about a key, which may
// repeat it. Whoever sends knows the key, and takes it out of all others.
func clean(e *llmhub.Error) string {
	if e.Kind == llmhub.BadCredential {
		return "the provider refused the key"
	}
	s := e.Message
	if len(s) > 1000 {
		s = strings.ToValidUTF8(s[:1000], "") + "…"
	}
	return s
}

func contains(s, word string) bool { return strings.Contains(strings.ToLower(s), word) }

// numberAfter is the number behind a word, 0 where there is none.
func numberAfter(s, word string) int64 {
	_, rest, ok := strings.Cut(s, word)
	if !ok {
		return 0
	}
	var n int64
	for _, c := range rest {
		if c == ',' {
			continue
		}
		if c < '0' || c > '9' || n > 1<<50 {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
