package hubtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Transport serves requests from h within the process: an http.RoundTripper
// without a network. What h writes after the caller has gone is lost.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ h http.Handler }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	r := req.Clone(req.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, pipe: pw, status: make(chan int, 1)}
	go func() { // ends with the handler, which ends with its context or its pipe
		defer func() {
			if p := recover(); p != nil {
				w.WriteHeader(http.StatusInternalServerError)
				pw.CloseWithError(fmt.Errorf("connection broken: %w", io.ErrUnexpectedEOF))
				return
			}
			w.WriteHeader(http.StatusOK)
			pw.Close()
		}()
		t.h.ServeHTTP(w, r)
	}()
	select {
	case status := <-w.status:
		return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: w.sent, Body: pr, ContentLength: -1, Request: req}, nil
	case <-req.Context().Done():
		pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
}

// pipeWriter is a ResponseWriter into a pipe.
type pipeWriter struct {
	header, sent http.Header
	pipe         *io.PipeWriter
	status       chan int
	once         sync.Once
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.sent = w.header.Clone()
		w.status <- status
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush does nothing: a pipe holds nothing back.
func (w *pipeWriter) Flush() {}
