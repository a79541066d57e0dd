package post

import (
	"errors"
	"net/url"
	"strings"
	"sync"
)

// urls keeps parsed URLs, so that a call need not parse one.
type urls struct {
	mu    sync.RWMutex
	known map[where]*url.URL
}

type where struct{ base, path string }

// mostURLs bounds what is kept: the path may hold what a caller wrote.
const mostURLs = 256

// of is base and path as one URL, which is shared: nobody may change it.
func (c *urls) of(base, path string) (*url.URL, error) {
	c.mu.RLock()
	u := c.known[where{base, path}]
	c.mu.RUnlock()
	if u != nil {
		return u, nil
	}
	u, err := url.Parse(strings.TrimRight(base, "/") + path)
	if err != nil {
		return nil, errors.New("it cannot be parsed") // url.Error would repeat it
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("it must be http or https, a host and a path")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[where]*url.URL{}
	}
	if len(c.known) < mostURLs {
		c.known[where{base, path}] = u
	}
	return u, nil
}
