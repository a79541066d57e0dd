// Package egress decides which hosts llmhubd may connect to.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrBlocked is why a connection to an address was not made.
var ErrBlocked = errors.New("address is not public; allow it by LLMHUB_ALLOW_PRIVATE_UPSTREAMS if it is meant")

// Config of a Guard. The zero Config allows public addresses only.
type Config struct {
	// Allow are hosts, hosts with a port, addresses and CIDRs that may be called
	// although they are not public, by http too.
	Allow []string
	// Trusted are base URLs whose scheme, host and port were written by whoever
	// runs the server: they may be called as they are.
	Trusted []string
	// Timeout of a connect; 0 means 10 s.
	Timeout time.Duration
}

// Guard looks at every connection after names have been resolved, so neither
// spelling nor a name that changes its address gets around it. It is safe for
// concurrent use.
type Guard struct {
	hosts    map[string]bool // "host" or "host:port"
	origins  map[string]bool // of trusted base URLs
	prefixes []netip.Prefix
	special  []netip.Prefix
	metadata []netip.Prefix
	global   netip.Prefix
	timeout  time.Duration
}

// New makes a Guard; it fails on an entry of Allow or Trusted that it cannot
// read.
func New(c Config) (*Guard, error) {
	g := &Guard{
		hosts: map[string]bool{}, origins: map[string]bool{},
		special: special(), metadata: metadata(), global: global(), timeout: c.Timeout,
	}
	if g.timeout == 0 {
		g.timeout = 10 * time.Second
	}
	for _, entry := range c.Allow {
		if err := g.allow(strings.ToLower(strings.TrimSpace(entry))); err != nil {
			return nil, err
		}
	}
	for _, raw := range c.Trusted {
		b, err := Parse(raw)
		if err != nil {
			return nil, err
		}
		if ip, err := netip.ParseAddr(b.Host); err == nil && g.addr(ip, true) != nil {
			return nil, fmt.Errorf("%s is an address at which a cloud hands out credentials: no setting opens it", b.Origin())
		}
		g.origins[b.Origin()] = true
		g.hosts[b.Host+":"+strconv.Itoa(int(b.Port))] = true
	}
	return g, nil
}

func (g *Guard) allow(entry string) error {
	if p, err := netip.ParsePrefix(entry); err == nil {
		g.prefixes = append(g.prefixes, p.Masked())
		return nil
	}
	if ip, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		ip = ip.Unmap()
		g.prefixes = append(g.prefixes, netip.PrefixFrom(ip, ip.BitLen()))
		return nil
	}
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		host, port = entry, ""
	}
	if checkHost(host) != nil {
		return fmt.Errorf("%q is no host, host:port, address or CIDR", entry)
	}
	if port == "" {
		g.hosts[host] = true
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q has no port between 1 and 65535", entry)
	}
	g.hosts[host+":"+port] = true
	return nil
}

// Check says whether a base URL that came through the API or the database may
// be used: https and not a private address, unless it is trusted or allowed. A
// name's address is looked at when it is dialled.
func (g *Guard) Check(raw string) (Base, error) {
	b, err := Parse(raw)
	if err != nil {
		return Base{}, err
	}
	if g.origins[b.Origin()] {
		return b, nil
	}
	port := strconv.Itoa(int(b.Port))
	ip, ipErr := netip.ParseAddr(b.Host)
	allowed := g.hosts[b.Host] || g.hosts[b.Host+":"+port]
	if ipErr == nil {
		if err := g.addr(ip, allowed); err != nil {
			return Base{}, err
		}
		allowed = allowed || contains(g.prefixes, ip.Unmap())
	}
	if b.Scheme != "https" && !allowed {
		return Base{}, errors.New("base URL must begin with https://; plain http needs its host in LLMHUB_ALLOW_PRIVATE_UPSTREAMS")
	}
	return b, nil
}

// DialContext connects to addr, for an http.Transport. It fails with
// [ErrBlocked] where the host's address may not be called.
func (g *Guard) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(strings.ToLower(addr))
	if err != nil {
		return nil, err
	}
	allowed := g.hosts[host] || g.hosts[host+":"+port]
	d := net.Dialer{
		Timeout:   g.timeout,
		KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return ErrBlocked
			}
			return g.addr(ap.Addr(), allowed)
		},
	}
	return d.DialContext(ctx, network, addr)
}

// addr says whether ip may be called. allowed: its host is on a list, so it
// need not be public.
func (g *Guard) addr(ip netip.Addr, allowed bool) error {
	ip = ip.Unmap().WithZone("")
	if contains(g.metadata, ip) {
		return ErrBlocked
	}
	if v4, ok := embedded(ip); ok && !ip.IsLoopback() && !ip.IsUnspecified() {
		// Whatever translates ip must not lead where v4 itself may not.
		if err := g.addr(v4, allowed); err != nil {
			return err
		}
	}
	if allowed || contains(g.prefixes, ip) {
		return nil
	}
	if !ip.IsGlobalUnicast() || contains(g.special, ip) || ip.Is6() && !g.global.Contains(ip) {
		return ErrBlocked
	}
	return nil
}
