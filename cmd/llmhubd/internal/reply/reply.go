// Package reply writes the answers of the control plane: JSON, and errors in
// one envelope.
package reply

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// RequestID is the header that names a request.
const RequestID = "X-Request-Id"

// Error is an answer that is not what was asked for. Message says what is
// wrong, why, and what to do.
type Error struct {
	Status     int
	Code       string // stable: programs read it
	Message    string
	Param      string        // the field or parameter meant; "" is none
	RetryAfter time.Duration // 0: not said
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// The errors that many answers share.

// Invalid is about a field of the request.
func Invalid(param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "invalid_request", Message: message, Param: param}
}

// Unsupported is about what this version cannot do.
func Unsupported(param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "unsupported_parameter", Message: message, Param: param}
}

// NotFound is about a thing that is not there.
func NotFound(message string) *Error {
	return &Error{Status: http.StatusNotFound, Code: "not_found", Message: message}
}

// Conflict is about a thing that is there and stands in the way.
func Conflict(message string) *Error {
	return &Error{Status: http.StatusConflict, Code: "conflict", Message: message}
}

// Forbidden is for somebody who is known and may not.
func Forbidden(message string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "permission_denied", Message: message}
}

// Unauthorized is for somebody who is not known.
func Unauthorized(message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: message}
}

// JSON writes v with status.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Fail(w, err)
		return
	}
	h := w.Header()
	identify(h)
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// NoContent writes 204.
func NoContent(w http.ResponseWriter) {
	identify(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

// identify gives the answer an id, unless whoever stands in front has.
func identify(h http.Header) string {
	if id := h.Get(RequestID); id != "" {
		return id
	}
	id := llmhub.NewID(time.Now()).String()
	h.Set(RequestID, id)
	return id
}

type envelope struct {
	Error detail `json:"error"`
}

type detail struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
	ID      string  `json:"request_id"`
}

// Fail writes an error. One that is no [*Error] becomes 500, and what it says
// stays here.
func Fail(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Status: http.StatusInternalServerError, Code: "internal",
			Message: "Something went wrong on our side; the server's log has it under this request id."}
	}
	h := w.Header()
	d := detail{Message: e.Message, Type: kind(e.Status), Code: e.Code, ID: identify(h)}
	if e.Param != "" {
		d.Param = &e.Param
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	JSON(w, e.Status, envelope{d})
}

func kind(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusNotFound:
		return "not_found_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "api_error"
	}
	return "invalid_request_error"
}

// Read decodes the JSON body of r into v. Fields that v does not have are
// errors, and so is anything after the value; an empty body leaves v as it is.
func Read(r *http.Request, v any) error {
	if !IsJSON(r) {
		return &Error{Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Message: "The body must be JSON; send Content-Type: application/json."}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			return Invalid("", "The body must hold one JSON value and nothing after it.")
		}
	}
	return describe(err)
}

// describe words what is wrong with a body, without repeating its values.
func describe(err error) error {
	var large *http.MaxBytesError
	var mistyped *json.UnmarshalTypeError
	var wrong *Error
	var moment *time.ParseError
	switch {
	case errors.As(err, &wrong):
		return wrong
	case errors.As(err, &large):
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: "request_too_large",
			Message: "The body is larger than " + strconv.FormatInt(large.Limit, 10) + " bytes."}
	case errors.As(err, &mistyped) && mistyped.Field == "":
		return Invalid("", "A field has the wrong type; it must be "+jsonWord(mistyped.Type)+".")
	case errors.As(err, &mistyped):
		return Invalid(mistyped.Field, "The field "+mistyped.Field+" must be "+jsonWord(mistyped.Type)+".")
	}
	if errors.As(err, &moment) || strings.Contains(err.Error(), "Time.UnmarshalJSON") {
		return Invalid("", "A time must be a string, written as 2026-01-02T15:04:05Z.")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return Invalid(name, "There is no field "+name+" here; take it out.")
	}
	return Invalid("", "The body is not valid JSON.")
}

// jsonWord is what JSON calls a Go type.
func jsonWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// IsJSON reports whether r says that its body is JSON, or has none.
func IsJSON(r *http.Request) bool {
	ct := r.Header.Get("Content-Type")
	if ct == "" {
		return r.ContentLength == 0
	}
	t, _, err := mime.ParseMediaType(ct)
	return err == nil && t == "application/json"
}
