package gemini

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire/scan"
)

// Error classifies an answer that is no success. Status and content type tell
// little here: a bad key is a 400, a 429 is a minute's or a day's limit, an empty
// purse or a model that is not for this key, and an error inside a stream has
// status 200, for which the code in the body stands.
func (c *Client) Error(call *llmhub.Call, status int, _ http.Header, body []byte) *llmhub.Error {
	r := parseRefusal(body)
	e := &llmhub.Error{Status: status, Code: r.status, Message: r.message}
	if call.Accept == Name {
		e.Dialect, e.Raw = Name, bytes.Clone(body)
	}
	if status == http.StatusOK {
		status = r.code
	}
	e.Sent = status >= 500 || status == http.StatusRequestTimeout
	if !r.found {
		e.Message = "an error that is not in this dialect"
	}
	c.classify(e, status, r)
	return e
}

func (c *Client) classify(e *llmhub.Error, status int, r *refusal) {
	switch {
	case r.is("API_KEY_INVALID") || r.says("API key not valid", "API key expired", "API Key not found", "reported as leaked"):
		e.Kind, e.Verdict = llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}
	case r.is("BILLING_DISABLED") || r.says("prepayment credits", "spending cap", "requires billing to be enabled", "enable billing"):
		e.Kind, e.Verdict = llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded}
	case r.says("User location is not supported"):
		e.Kind = llmhub.Blocked
	case status == http.StatusTooManyRequests:
		c.limited(e, r)
	case status == http.StatusBadRequest:
		e.Kind = llmhub.InvalidRequest
		switch {
		case r.says("exceeds the maximum number of tokens", "input token count"):
			e.Kind = llmhub.ContextLength
		case r.status == "FAILED_PRECONDITION":
			e.Kind = llmhub.Blocked // the key, or where it is used from, is not served
		}
	case status == http.StatusUnauthorized:
		e.Kind = llmhub.BadCredential
		e.Verdict = llmhub.Verdict{State: llmhub.KeyInvalid, Sure: r.is("ACCESS_TOKEN_TYPE_UNSUPPORTED") || r.is("CREDENTIALS_MISSING")}
	case status == http.StatusForbidden:
		c.forbidden(e, r)
	case status == http.StatusNotFound && r.found:
		e.Kind, e.Verdict = llmhub.ModelNotFound, c.offFor(10*time.Minute)
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout && !r.found:
		e.Kind = llmhub.Timeout
	case status == http.StatusConflict, status == http.StatusTooEarly:
		e.Kind = llmhub.Conflict
	case status == http.StatusRequestEntityTooLarge:
		e.Kind = llmhub.RequestTooLarge
	case status == http.StatusUnprocessableEntity:
		e.Kind = llmhub.Unprocessable
	case status == http.StatusServiceUnavailable && r.found, status == 529:
		e.Kind = llmhub.Overloaded
	case status >= 500:
		e.Kind = llmhub.UpstreamFailed
	case status >= 400 && r.found:
		e.Kind = llmhub.InvalidRequest
	default:
		e.Kind = llmhub.Malformed
	}
}

// forbidden is 403: no key at all, a model or service that this key may not use,
// or a wall in front of the provider.
func (c *Client) forbidden(e *llmhub.Error, r *refusal) {
	switch {
	case !r.found:
		e.Kind = llmhub.Blocked
	case r.says("unregistered callers"), r.is("CONSUMER_INVALID"), r.is("CONSUMER_SUSPENDED"), r.is("API_KEY_SERVICE_BLOCKED"):
		e.Kind, e.Verdict = llmhub.BadCredential, llmhub.Verdict{State: llmhub.KeyInvalid, Sure: true}
	default:
		e.Kind, e.Verdict = llmhub.PermissionDenied, c.offFor(time.Hour)
	}
}

// offFor says that the key does not serve this model for a while.
func (c *Client) offFor(d time.Duration) llmhub.Verdict {
	return llmhub.Verdict{State: llmhub.KeyCooling, Until: c.now().Add(d), Model: true}
}

// limited is 429. A day's quota comes back at midnight in California, whatever
// RetryInfo says beside it; a free tier of nothing never does.
func (c *Client) limited(e *llmhub.Error, r *refusal) {
	switch {
	case r.none || r.says("limit: 0,", "limit: 0\n", "doesn't have a free quota tier"):
		e.Kind, e.Verdict = llmhub.Unfunded, llmhub.Verdict{State: llmhub.KeyUnfunded, Model: true}
	case r.daily:
		until := pacificMidnight(c.now())
		e.Kind, e.RetryAfter = llmhub.QuotaExceeded, until.Sub(c.now())
		e.Verdict = llmhub.Verdict{State: llmhub.KeyExhausted, Until: until}
	case r.says("overloaded", "high demand"):
		e.Kind = llmhub.Overloaded
	default:
		e.Kind, e.RetryAfter = llmhub.RateLimited, clamp(r.retry())
		e.Verdict = llmhub.Verdict{State: llmhub.KeyCooling}
		if e.RetryAfter > 0 {
			e.Verdict.Until = c.now().Add(e.RetryAfter)
		}
	}
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// clamp bounds a provider's word on how long to wait; 0 stays "not said".
func clamp(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return min(max(d, time.Second), 8*24*time.Hour)
}

// refusal is what an error body says.
type refusal struct {
	found   bool // it is an error of this dialect
	code    int
	status  string // "RESOURCE_EXHAUSTED"
	message string
	reasons []string // of ErrorInfo
	daily   bool     // a day's quota is used up
	none    bool     // the quota is nothing
	delay   string   // of RetryInfo: "34.4s"
	body    []byte
}

func (r *refusal) is(reason string) bool {
	for _, s := range r.reasons {
		if s == reason {
			return true
		}
	}
	return false
}

// says looks for words in the message or, where that is left empty, anywhere in
// the error.
func (r *refusal) says(words ...string) bool {
	for _, w := range words {
		if strings.Contains(r.message, w) || r.found && bytes.Contains(r.body, []byte(w)) {
			return true
		}
	}
	return false
}

// retry is how long to wait, by RetryInfo or else by the message.
func (r *refusal) retry() time.Duration {
	if d, err := time.ParseDuration(r.delay); err == nil && d > 0 {
		return d
	}
	_, after, ok := strings.Cut(r.message, "retry in ")
	if !ok {
		return 0
	}
	word, _, _ := strings.Cut(after, " ")
	d, err := time.ParseDuration(strings.TrimRight(word, ".,"))
	if err != nil {
		return 0
	}
	return d
}

// parseRefusal reads {"error":{…}}, bare, in an array or behind "data:".
func parseRefusal(body []byte) *refusal {
	r := &refusal{body: body}
	b := bytes.TrimSpace(body)
	if rest, ok := bytes.CutPrefix(b, []byte("data:")); ok {
		b = bytes.TrimSpace(rest)
	}
	c := scan.New(b)
	if c.Peek() == '[' {
		c.Enter('[')
		if !c.Elem() {
			return r
		}
	}
	for c.Enter('{'); c.Member(); {
		if string(c.Key) == "error" && c.Peek() == '{' {
			r.found = true
			r.read(&c)
		} else {
			c.Skip()
		}
	}
	return r
}

func (r *refusal) read(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "code":
			r.code = int(c.Int())
		case "status":
			r.status = c.Text()
		case "message":
			r.message = c.Text()
		case "details":
			for c.Enter('['); c.Elem(); {
				r.detail(c)
			}
		default:
			c.Skip()
		}
	}
}

func (r *refusal) detail(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "reason":
			r.reasons = append(r.reasons, c.Text())
		case "retryDelay":
			r.delay = c.Text()
		case "violations":
			for c.Enter('['); c.Elem(); {
				r.violation(c)
			}
		default:
			c.Skip()
		}
	}
}

func (r *refusal) violation(c *scan.Cursor) {
	for c.Enter('{'); c.Member(); {
		switch string(c.Key) {
		case "quotaId":
			r.daily = strings.Contains(c.Text(), "PerDay") || r.daily
		case "quotaValue":
			r.none = strings.Trim(string(c.Raw()), `"`) == "0" || r.none
		default:
			c.Skip()
		}
	}
}

// pacificMidnight is when the calendar day of Los Angeles that holds t ends.
// The zone's rules (Energy Policy Act of 2005) are here, because a machine need
// not have a database of zones: daylight time is from the second Sunday of March
// to the first of November, each at 2:00.
func pacificMidnight(t time.Time) time.Time {
	local := t.UTC().Add(pacificOffset(t))
	next := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, time.UTC)
	midnight := next.Add(-pacificOffset(t))
	return next.Add(-pacificOffset(midnight)) // the clock may have changed that day
}

func pacificOffset(t time.Time) time.Duration {
	y := t.UTC().Year()
	begins := sunday(y, time.March, 8).Add(10 * time.Hour) // 2:00 at UTC-8
	ends := sunday(y, time.November, 1).Add(9 * time.Hour) // 2:00 at UTC-7
	if !t.Before(begins) && t.Before(ends) {
		return -7 * time.Hour
	}
	return -8 * time.Hour
}

// sunday is the first Sunday on or after a day.
func sunday(y int, m time.Month, day int) time.Time {
	d := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	return d.AddDate(0, 0, (7-int(d.Weekday()))%7)
}
