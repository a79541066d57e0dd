// Package ui serves the pages of llmhubd from the binary.
package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed pages
var files embed.FS

// policy lets a page load nothing but what stands beside it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

type page struct {
	body []byte
	kind string
	etag string
}

// Handler serves the pages: "/" and the files it needs; anything else is 404.
func Handler() http.Handler {
	pages := map[string]page{}
	all, err := fs.ReadDir(files, "pages")
	if err != nil {
		panic(err) // it is in the binary
	}
	kinds := map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
	for _, f := range all {
		body, err := files.ReadFile("pages/" + f.Name())
		if err != nil {
			panic(err) // it is in the binary
		}
		sum := sha256.Sum256(body)
		pages["/"+f.Name()] = page{body, kinds[path.Ext(f.Name())], `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	pages["/"] = pages["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		p, ok := pages[r.URL.Path]
		if !ok {
			http.Error(w, "There is nothing here.", http.StatusNotFound)
			return
		}
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", p.etag)
		if strings.Contains(r.Header.Get("If-None-Match"), p.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", p.kind)
		if r.Method != http.MethodHead {
			w.Write(p.body)
		}
	})
}
