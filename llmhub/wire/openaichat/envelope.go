package openaichat

import (
	"net/http"

	"github.com/llmhubd/llmhub/llmhub"
	"github.com/llmhubd/llmhub/llmhub/wire"
)

// Error renders an error before anything has gone out.
func (Server) Error(err *llmhub.Error, as wire.Identity) (int, []byte) {
	if err.Dialect == Name && len(err.Raw) > 0 && err.Status >= 400 {
		return err.Status, err.Raw
	}
	return wire.ClassOf(err.Kind).Status, appendError(nil, err, as.ID)
}

// appendError renders OpenAI's envelope, with the request's id beside it.
func appendError(dst []byte, err *llmhub.Error, id string) []byte {
	class := wire.ClassOf(err.Kind)
	dst = wire.AppendString(append(dst, `{"error":{"message":`...), wire.Message(err))
	dst = wire.AppendString(append(dst, `,"type":`...), errorType(class))
	dst = append(dst, `,"param":`...)
	if err.Param == "" || err.Provider != "" { // a provider's spelling would tell which it is
		dst = append(dst, "null"...)
	} else {
		dst = wire.AppendString(dst, err.Param)
	}
	dst = append(wire.AppendString(append(dst, `,"code":`...), class.Code), '}')
	if id != "" {
		dst = wire.AppendString(append(dst, `,"request_id":`...), id)
	}
	return append(dst, '}')
}

// errorType is OpenAI's type of a class.
func errorType(c wire.Class) string {
	switch {
	case c.Code == "quota_exceeded", c.Code == "budget_exceeded":
		return "insufficient_quota"
	case c.Status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case c.Status == http.StatusForbidden:
		return "permission_error"
	case c.Status >= 500:
		return "api_error"
	}
	return "invalid_request_error"
}
