package auth

import (
	"net/http"
	"net/netip"
	"strings"
)

// Peers tell who is at the other end of a request. The zero Peers believe no
// header.
type Peers struct {
	Trusted []netip.Prefix // proxies whose X-Forwarded-For and -Proto are believed
}

// Addr is the address of the client: the last in X-Forwarded-For that is no
// trusted proxy, or the connection's own.
func (p Peers) Addr(r *http.Request) netip.Addr {
	addr := direct(r)
	if !p.trusts(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		addr = next.Unmap()
	}
	return addr
}

// HTTPS reports whether the client speaks https.
func (p Peers) HTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return p.trusts(direct(r)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (p Peers) trusts(ip netip.Addr) bool {
	for _, t := range p.Trusted {
		if t.Contains(ip) {
			return true
		}
	}
	return false
}

func direct(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// network is what tries are counted by: an IPv4 address, or the /64 that one
// customer has of IPv6.
func network(ip netip.Addr) string {
	if ip.Is6() {
		p, _ := ip.Prefix(64) // 64 is in range
		return p.String()
	}
	return ip.String()
}
