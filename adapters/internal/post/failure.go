package post

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/llmhubd/llmhub/adapters/internal/limits"
	"github.com/llmhubd/llmhub/llmhub"
)

// interrupted is the error of a call whose context has ended: what the cause
// says, else that the caller left or that his deadline passed.
func interrupted(ctx context.Context, sent bool) *llmhub.Error {
	cause := context.Cause(ctx)
	var e *llmhub.Error
	var k llmhub.Kind
	switch {
	case errors.As(cause, &e):
		return &llmhub.Error{Kind: e.Kind, Message: e.Message, Sent: sent, Err: cause}
	case errors.As(cause, &k):
		return &llmhub.Error{Kind: k, Sent: sent, Err: cause}
	case errors.Is(cause, context.DeadlineExceeded):
		return &llmhub.Error{Kind: llmhub.DeadlineExceeded, Sent: sent, Err: cause}
	}
	return &llmhub.Error{Kind: llmhub.Canceled, Sent: sent, Err: cause}
}

// unanswered is the error of a request that got no answer. begun tells whether
// anything of it can have reached the provider.
func unanswered(ctx context.Context, provider string, err error, begun bool) *llmhub.Error {
	e := &llmhub.Error{Kind: llmhub.Broken, Provider: provider, Message: "the connection broke before an answer came", Sent: begun, Err: err}
	var n net.Error
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx, begun)
	case !begun:
		e.Kind, e.Message = llmhub.Unreachable, "no connection"
	case errors.As(err, &n) && n.Timeout():
		e.Kind, e.Message = llmhub.Timeout, "no answer in time"
	}
	return e
}

// Bounds on an error's body.
const (
	maxErrorBody  = 64 << 10
	errorBodyTime = 5 * time.Second
)

// refused is the error of an answer that is no success.
func (p *Post) refused(call *llmhub.Call, resp *http.Response) *llmhub.Error {
	status := resp.StatusCode
	if status < 400 {
		return &llmhub.Error{Kind: llmhub.Malformed, Provider: p.provider(call), Status: status, Sent: true,
			Message: "an answer that is neither a success nor an error; redirects are not followed"}
	}
	e := p.Client.Error(call, status, resp.Header, errorBody(resp.Body))
	e.Status = status
	e.Sent = e.Sent || status >= 500 || status == http.StatusRequestTimeout
	limits.Apply(e, status, resp.Header, p.now())
	return p.clean(call, e)
}

// errorBody reads as much of an error's body as is of use, within a time.
func errorBody(body io.ReadCloser) []byte {
	t := time.AfterFunc(errorBodyTime, func() { body.Close() })
	defer t.Stop()
	b, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // what came until an error is what there is
	return b
}

// broken is the error of an answer that began as a success. What a provider says
// instead of an answer is a refusal like any other, and as free; what comes after
// some of the answer, or is no answer at all, is not.
func (p *Post) broken(call *llmhub.Call, err error, begun bool) *llmhub.Error {
	e := llmhub.AsError(err)
	e.Sent = e.Sent || begun || e.Kind == llmhub.Broken || e.Kind == llmhub.Malformed || e.Kind == llmhub.Internal
	if e.Status == 0 {
		e.Status = http.StatusOK
	}
	limits.Bound(e, p.now())
	return p.clean(call, e)
}

// clean names the provider, and takes out of what it said what must not be told.
func (p *Post) clean(call *llmhub.Call, e *llmhub.Error) *llmhub.Error {
	if e.Kind != llmhub.Canceled && e.Kind != llmhub.DeadlineExceeded && (e.Provider == "" || e.Provider == p.Provider) {
		e.Provider = p.provider(call)
	}
	secret := p.Key
	if call != nil && !call.Key.Secret.IsZero() {
		secret = call.Key.Secret
	}
	e.Message = redact(e.Message, secret.Expose())
	e.Code = redact(e.Code, secret.Expose())
	if s := secret.Expose(); s != "" && strings.Contains(string(e.Raw), s) {
		e.Raw, e.Dialect = nil, ""
	}
	return e
}

const maxMessage = 512

// keyShaped are words that look like a credential of some provider.
var keyShaped = regexp.MustCompile(`(?:sk|gsk|pk|rk|lh)[-_][A-Za-z0-9_-]{12,}|AIza[A-Za-z0-9_-]{20,}|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{12,}`)

// redact takes credentials out of a provider's words, and shortens them.
func redact(s, secret string) string {
	if s == "" {
		return ""
	}
	if secret != "" {
		s = strings.ReplaceAll(s, secret, "****")
	}
	s = keyShaped.ReplaceAllString(s, "****")
	if len(s) > maxMessage {
		s = s[:maxMessage]
		for len(s) > 0 && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		s = strings.ToValidUTF8(s, "")
	}
	return s
}
