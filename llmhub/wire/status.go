package wire

import (
	"net/http"

	"github.com/llmhubd/llmhub/llmhub"
)

// StatusClientClosed is what the log says of a caller who went away (nginx).
const StatusClientClosed = 499

// Class is how callers are told of an error: the same for every provider.
type Class struct {
	Status  int
	Code    string // stable; one of a closed set
	Message string // worded by us; says what to do
}

// ClassOf returns the class of an error's kind.
func ClassOf(kind llmhub.Kind) Class {
	if c, ok := classes[kind]; ok {
		return c
	}
	return classes[llmhub.Internal]
}

var failed = Class{http.StatusServiceUnavailable, "all_attempts_failed", "No model could answer this request; try again later."}

var classes = map[llmhub.Kind]Class{
	llmhub.InvalidRequest:   {http.StatusBadRequest, "invalid_request", "The request is not valid; correct it and send it again."},
	llmhub.Unsupported:      {http.StatusBadRequest, "unsupported_parameter", "No model behind this name can honour this parameter; leave it out or ask for another model."},
	llmhub.ContextLength:    {http.StatusBadRequest, "context_length_exceeded", "The prompt is longer than the model's context window; shorten it."},
	llmhub.ContentPolicy:    {http.StatusBadRequest, "content_policy", "The request was declined by a content policy."},
	llmhub.RequestTooLarge:  {http.StatusRequestEntityTooLarge, "request_too_large", "The request is larger than allowed; make it smaller."},
	llmhub.ModelNotFound:    {http.StatusNotFound, "model_not_found", "There is no such model for you; GET /v1/models lists those there are."},
	llmhub.ModelNotLogical:  {http.StatusBadRequest, "model_not_logical", "This address serves logical models only (smart, fast, cheap, any and the operator's own)."},
	llmhub.PermissionDenied: {http.StatusForbidden, "permission_denied", "Your key may not do this."},
	llmhub.BadCredential:    {http.StatusUnauthorized, "invalid_api_key", "The API key is missing or not valid; send one as Authorization: Bearer lh_…"},
	llmhub.RateLimited:      {http.StatusTooManyRequests, "rate_limited", "Too many requests; wait as Retry-After says."},
	llmhub.QuotaExceeded:    {http.StatusTooManyRequests, "quota_exceeded", "Your quota is used up; wait as Retry-After says or ask your operator for more."},
	llmhub.BudgetExceeded:   {http.StatusTooManyRequests, "budget_exceeded", "Your budget is used up; ask your operator for more."},
	llmhub.Unprocessable:    {http.StatusUnprocessableEntity, "invalid_request", "The request cannot be processed as it is; correct it and send it again."},
	llmhub.Timeout:          {http.StatusGatewayTimeout, "upstream_timeout", "No model answered in time; try again."},
	llmhub.DeadlineExceeded: {http.StatusGatewayTimeout, "upstream_timeout", "The request's deadline passed before the answer was complete."},
	llmhub.Canceled:         {StatusClientClosed, "canceled", "The request was canceled."},
	llmhub.NoProvider:       {http.StatusServiceUnavailable, "no_provider", "No model can serve this name now; try again later."},
	llmhub.NoAccounting:     {http.StatusServiceUnavailable, "accounting_unavailable", "Usage cannot be recorded now; try again later."},
	llmhub.Draining:         {http.StatusServiceUnavailable, "draining", "The server is shutting down; try again."},
	llmhub.Internal:         {http.StatusInternalServerError, "internal", "Something went wrong on our side; report it with the request id."},
	llmhub.AllFailed:        failed,
	llmhub.Unfunded:         failed,
	llmhub.Overloaded:       failed,
	llmhub.Conflict:         failed,
	llmhub.Blocked:          failed,
	llmhub.UpstreamFailed:   {http.StatusBadGateway, failed.Code, failed.Message},
	llmhub.Unreachable:      {http.StatusBadGateway, failed.Code, failed.Message},
	llmhub.Broken:           {http.StatusBadGateway, failed.Code, "The answer broke off before it was complete; try again."},
	llmhub.Malformed:        {http.StatusBadGateway, failed.Code, failed.Message},
}

// Message words an error for its caller. An error of the caller's own that we
// found ourselves keeps its words; a provider's are never repeated.
func Message(err *llmhub.Error) string {
	if err.Provider == "" && err.Message != "" && ownWords[err.Kind] {
		return err.Message
	}
	return ClassOf(err.Kind).Message
}

// ownWords are the kinds whose messages of ours are for callers.
var ownWords = map[llmhub.Kind]bool{
	llmhub.InvalidRequest: true, llmhub.Unsupported: true, llmhub.RequestTooLarge: true, llmhub.ModelNotFound: true,
	llmhub.ModelNotLogical: true, llmhub.PermissionDenied: true, llmhub.BadCredential: true, llmhub.QuotaExceeded: true,
}
