package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
)

// front passes the clients' requests on and keeps what is answered.
type front struct {
	*httptest.Server
	mu   sync.Mutex
	file *os.File
}

func newFront(addr, file string) (*front, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	fr := &front{file: f}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(resp *http.Response) error {
		var head bytes.Buffer
		fmt.Fprintf(&head, "%s %s\n", resp.Request.URL.Path, resp.Status)
		if err := resp.Header.Write(&head); err != nil {
			return err
		}
		resp.Body = &recording{ReadCloser: resp.Body, seen: head, to: fr}
		return nil
	}
	fr.Server = httptest.NewServer(whole(proxy))
	return fr, nil
}

// whole reads a request before it is passed on: an answer that comes while the
// proxy still looks for the end of the body would break off.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (f *front) close() error {
	f.Server.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}

// recording is a body that is written down, as a whole, when it is closed.
type recording struct {
	io.ReadCloser
	seen bytes.Buffer
	to   *front
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.seen.Write(p[:n])
	return n, err
}

func (r *recording) Close() error {
	r.to.mu.Lock()
	r.seen.WriteTo(r.to.file)
	r.to.mu.Unlock()
	return r.ReadCloser.Close()
}
