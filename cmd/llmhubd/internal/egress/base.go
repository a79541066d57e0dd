package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Base is where a provider's API begins: an origin and a path.
type Base struct {
	Scheme string // "https" or "http"
	Host   string // a name in lower case, or an IP address without brackets
	Port   uint16
	Path   string // begins with "/" and does not end with one; "" is the root
}

// Parse reads a base URL. It takes http and https with a host, a port and a
// path, and nothing that two readers could understand in two ways: no user, no
// query, no fragment, no escapes, nothing but ASCII. Whether the host may be
// called is not its question; see [Guard.Check].
func Parse(raw string) (Base, error) {
	for i := 0; i < len(raw); i++ {
		if raw[i] <= ' ' || raw[i] >= 0x7f || raw[i] == '%' || raw[i] == '\\' {
			return Base{}, errors.New("base URL has a character that none may have: write it in plain ASCII without spaces, escapes and backslashes")
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Base{}, errors.New("base URL cannot be read: write it as https://host[:port][/path]")
	}
	scheme := strings.ToLower(u.Scheme)
	switch {
	case scheme != "https" && scheme != "http":
		return Base{}, errors.New("base URL must begin with https://")
	case u.User != nil:
		return Base{}, errors.New("base URL holds a user name: a credential belongs into the key's value")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return Base{}, errors.New("base URL holds a query or a fragment: leave off what follows the path")
	case strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		return Base{}, errors.New("base URL's path is not in its plain form")
	}
	host := strings.ToLower(u.Hostname())
	if err := checkHost(host); err != nil {
		return Base{}, err
	}
	b := Base{Scheme: scheme, Host: host, Port: 443, Path: strings.TrimRight(u.Path, "/")}
	if scheme == "http" {
		b.Port = 80
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return Base{}, fmt.Errorf("base URL's port %s is none", p)
		}
		b.Port = uint16(n)
	} else if strings.HasSuffix(u.Host, ":") {
		return Base{}, errors.New("base URL has a colon without a port")
	}
	return b, nil
}

// checkHost takes IP addresses in their plain form, and names that no resolver
// reads as a number.
func checkHost(host string) error {
	if host == "" {
		return errors.New("base URL has no host")
	}
	if strings.Contains(host, ":") {
		if ip, err := netip.ParseAddr(host); err != nil || ip.Zone() != "" {
			return errors.New("base URL's host is no IPv6 address")
		}
		return nil
	}
	if len(host) > 253 {
		return errors.New("base URL's host is too long")
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return errors.New("base URL's host is neither a name nor an address")
		}
	}
	last := labels[len(labels)-1]
	if last[0] >= '0' && last[0] <= '9' {
		if _, err := netip.ParseAddr(host); err != nil {
			return errors.New("base URL's host is an odd spelling of an address: write four decimal numbers")
		}
	}
	return nil
}

// Origin is scheme, host and port; a port that the scheme implies is left out.
func (b Base) Origin() string {
	host := b.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if b.Scheme == "https" && b.Port == 443 || b.Scheme == "http" && b.Port == 80 {
		return b.Scheme + "://" + host
	}
	return b.Scheme + "://" + host + ":" + strconv.Itoa(int(b.Port))
}

// String is the base URL in its one canonical form.
func (b Base) String() string { return b.Origin() + b.Path }
