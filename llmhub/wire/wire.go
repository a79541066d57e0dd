// Package wire is the contract of a dialect: one wire format for model calls,
// its Server half for programs that call us and its Client half for providers
// that we call, with the pieces every dialect is made of.
package wire

import (
	"io"
	"net/http"

	"github.com/llmhubd/llmhub/llmhub"
)

// Server is the half of a dialect for programs that call us. It is safe for
// concurrent use.
type Server interface {
	// Name is the dialect's, as in Request.Accept and Origin.Dialect.
	Name() string
	// Request reads the head of a body and keeps the rest undecoded. It owns
	// in.Body from then on. It fails with InvalidRequest, naming the Param.
	Request(in Incoming) (*llmhub.Request, error)
	// Encoder renders one answer to req.
	Encoder(req *llmhub.Request, as Identity) Encoder
	// Error renders an error before anything has gone out. One that has Raw of
	// this dialect is relayed as it is; any other is worded by us.
	Error(err *llmhub.Error, as Identity) (status int, body []byte)
}

// Incoming is a request as it arrived.
type Incoming struct {
	Path   string
	Header http.Header
	Body   []byte
}

// Identity is what an answer calls itself, whoever made it.
type Identity struct {
	ID      string // the request's id, for the dialect to dress ("chatcmpl-…", "msg_…")
	Model   string
	Created int64 // seconds since 1970
}

// Encoder renders one answer: frames as they come or, for a unary request,
// nothing until the end event and then the whole body. It does no I/O. An event
// that has Raw goes out as that, but for what the caller did not ask for (the
// usage that metering needs); any other is rendered, and then nothing but the
// Identity names who answers.
type Encoder interface {
	Append(dst []byte, ev llmhub.Event) []byte
	// AppendError renders an error after 200 has gone out.
	AppendError(dst []byte, err *llmhub.Error) []byte
}

// Client is the half of a dialect for providers that we call. It is safe for
// concurrent use.
type Client interface {
	// Name is the dialect's, as in Request.Accept and Origin.Dialect.
	Name() string
	// Body renders the call for the provider; the parts, one after another, are
	// the body and may lie in the caller's bytes. What only tunes and cannot be
	// said is left out and named by call.Warn; what changes meaning fails with
	// Unsupported, naming the Param.
	Body(call *llmhub.Call) (parts [][]byte, err error)
	// Events reads the provider's answer of status 200, a stream or one body,
	// whichever it is. size is its length, -1 when not known. An error in the
	// stream is classified as by Error.
	Events(call *llmhub.Call, body io.Reader, size int64) llmhub.Stream
	// Error classifies an answer of another status by what it says.
	Error(call *llmhub.Call, status int, header http.Header, body []byte) *llmhub.Error
}
