package seal

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Bind is what a sealed value belongs to. It is not stored with the value: who
// opens it says it again, and any difference fails.
type Bind struct {
	Purpose  string // names the kind of value and its version: "llmhub/pk/v1"
	Provider string
	ID       string // of the row
	Origin   string // where the value may be sent; see [Origin]
}

// ProviderKey binds a provider's credential to its row and to the origin that
// it is sent to: the origin of its base URL or, when it has none, of its
// adapter's public one. A row pointed elsewhere does not open.
func ProviderKey(provider, id, origin string) Bind {
	return Bind{Purpose: "llmhub/pk/v1", Provider: provider, ID: id, Origin: origin}
}

// data is the additional data of a seal: each field behind its length, so that
// no two binds read the same.
func (b Bind) data(deployment, dek string) []byte {
	fields := [...]string{b.Purpose, deployment, b.Provider, b.ID, dek, b.Origin}
	size := 0
	for _, field := range fields {
		size += 8 + len(field)
	}
	out := make([]byte, 0, size)
	for _, field := range fields {
		out = binary.BigEndian.AppendUint64(out, uint64(len(field)))
		out = append(out, field...)
	}
	return out
}

// Origin is the canonical origin of a URL: scheme, host in lower case, and port
// unless it is the scheme's own. URLs with user info are refused.
func Origin(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", fmt.Errorf("read origin: not a URL") // err holds the URL, which may hold a password
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	switch {
	case scheme != "https" && scheme != "http":
		return "", fmt.Errorf("read origin: scheme is not http or https")
	case host == "" || u.Opaque != "":
		return "", fmt.Errorf("read origin: no host")
	case u.User != nil:
		return "", fmt.Errorf("read origin: user info is not allowed")
	}
	host = strings.TrimSuffix(host, ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
		if ip.Is6() {
			host = "[" + host + "]"
		}
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host, nil
}
