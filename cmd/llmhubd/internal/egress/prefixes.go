package egress

import "net/netip"

// special are the address blocks that are no public hosts (IANA's registries of
// special-purpose addresses, and what older systems still translate).
func special() []netip.Prefix {
	return parsePrefixes(
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // carrier-grade NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"::/96",           // unspecified, loopback, IPv4-compatible
		"::ffff:0:0/96",   // IPv4-mapped
		"::ffff:0:0:0/96", // IPv4-translated
		"64:ff9b::/96",    // NAT64
		"64:ff9b:1::/48",  // NAT64, local
		"100::/64",        // discard
		"100:0:0:1::/64",  // dummy
		"2001::/23",       // protocol assignments, Teredo, ORCHID
		"2001:db8::/32",   // documentation
		"2002::/16",       // 6to4
		"3fff::/20",       // documentation
		"5f00::/16",       // segment routing
		"fc00::/7",        // unique local
		"fe80::/10",       // link-local
		"fec0::/10",       // site-local
		"ff00::/8",        // multicast
	)
}

// metadata are the addresses at which clouds hand out credentials to whoever
// asks. No setting opens them.
func metadata() []netip.Prefix {
	return parsePrefixes(
		"169.254.0.0/16",      // AWS, Azure, Google, Oracle, DigitalOcean, ECS, EKS
		"100.100.100.200/32",  // Alibaba
		"168.63.129.16/32",    // Azure's wire server
		"192.0.0.192/32",      // Oracle
		"fd00:ec2::/32",       // AWS
		"fd20:ce::254/128",    // Google
		"fd00:a9fe:a9fe::/48", // OpenStack, as fd00:a9fe:a9fe::1
		"fe80::a9fe:a9fe/128", // OpenStack
	)
}

// global is all of IPv6 that has been given out for public hosts.
func global() netip.Prefix { return netip.MustParsePrefix("2000::/3") }

func parsePrefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, s := range all {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// embedded returns the IPv4 address that a translator would reach through ip.
func embedded(ip netip.Addr) (netip.Addr, bool) {
	b := ip.As16()
	switch {
	case !ip.Is6():
		return netip.Addr{}, false
	case within(ip, "::/96", "::ffff:0:0:0/96", "64:ff9b::/96"):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case within(ip, "2002::/16"):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case within(ip, "2001::/32"): // Teredo writes the client's address inverted
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return netip.Addr{}, false
}

func within(ip netip.Addr, prefixes ...string) bool { return contains(parsePrefixes(prefixes...), ip) }

func contains(prefixes []netip.Prefix, ip netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
