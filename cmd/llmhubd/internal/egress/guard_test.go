package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/egress"
)

func guard(t *testing.T, c egress.Config) *egress.Guard {
	t.Helper()
	g, err := egress.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// inward are spellings of hosts that are not public, as people smuggle them in.
var inward = []string{
	"https://127.0.0.1", "https://127.0.0.1:8443/v1", "https://127.255.255.254", "https://0.0.0.0", "https://0.0.0.0:80",
	"https://10.0.0.1", "https://10.255.255.255", "https://172.16.0.1", "https://172.31.255.254", "https://192.168.0.1",
	"https://100.64.0.1", "https://100.100.100.200", "https://169.254.169.254", "https://169.254.170.2", "https://168.63.129.16",
	"https://192.0.0.192", "https://192.0.2.7", "https://198.18.0.1", "https://198.51.100.3", "https://203.0.113.9",
	"https://224.0.0.1", "https://239.255.255.250", "https://240.0.0.1", "https://255.255.255.255", "https://192.88.99.1",
	"https://[::1]", "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[::ffff:169.254.169.254]",
	"https://[::127.0.0.1]", "https://[64:ff9b::7f00:1]", "https://[64:ff9b::169.254.169.254]", "https://[64:ff9b:1::1]", "https://[2002:7f00:1::]",
	"https://[2002:a9fe:a9fe::1]", "https://[2001::1]", "https://[2001:db8::1]", "https://[fc00::1]", "https://[fd00:ec2::254]",
	"https://[fd20:ce::254]", "https://[fe80::1]", "https://[fe80::a9fe:a9fe]", "https://[fec0::1]", "https://[ff02::1]",
	"https://[100::1]", "https://[3fff::1]", "https://[5f00::1]", "https://[::ffff:0:10.0.0.1]", "https://[4000::1]",
	// Spellings that some parser reads as one of the above.
	"https://2130706433", "https://0x7f000001", "https://0x7f.1", "https://127.1", "https://127.0.1", "https://0177.0.0.1", "https://017700000001",
	"https://127.0.0.1.", "https://①②⑦.⓪.⓪.①", "https://127。0。0。1", "https://%31%32%37.0.0.1", "https://[fe80::1%25eth0]",
	"https://api.openai.com@127.0.0.1", "https://127.0.0.1#@api.openai.com", "https://api.openai.com\\@127.0.0.1", "https://127.0.0.1?x=.openai.com",
	"https://127.0.0.1 ", "https://127.0.0.1\t", "https:///127.0.0.1", "https://", "//127.0.0.1", "127.0.0.1", "file:///etc/passwd", "gopher://127.0.0.1",
	"http://api.openai.com", "https://api.openai.com:0", "https://api.openai.com:65536", "https://api.openai.com:", "https://a..b", "https://[::1",
	"https://api.openai.com/v1/../x", "https://api.openai.com/%2e%2e",
}

func TestInwardSpellingsAreRefused(t *testing.T) {
	g := guard(t, egress.Config{})
	if len(inward) < 60 {
		t.Fatalf("%d spellings, want at least 60", len(inward))
	}
	for _, raw := range inward {
		if b, err := g.Check(raw); err == nil {
			t.Errorf("Check(%q) = %v, want an error", raw, b)
		}
	}
}

func TestInwardAddressesAreNotDialled(t *testing.T) {
	g := guard(t, egress.Config{Timeout: time.Second})
	for _, raw := range inward {
		b, err := egress.Parse(raw)
		if err != nil || net.ParseIP(b.Host) == nil {
			continue
		}
		conn, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(b.Host, "443"))
		if conn != nil {
			conn.Close()
		}
		// A kernel without IPv6 fails before it asks the guard.
		if err == nil || !errors.Is(err, egress.ErrBlocked) && !strings.Contains(err.Error(), "socket: address family") {
			t.Errorf("DialContext(%s) = %v, want ErrBlocked", b.Host, err)
		}
	}
}

func TestPublicHostsAreTaken(t *testing.T) {
	g := guard(t, egress.Config{})
	for _, tt := range [][2]string{
		{"https://api.openai.com/v1", "https://api.openai.com/v1"},
		{"https://API.OpenAI.com:443/v1/", "https://api.openai.com/v1"},
		{"https://api.anthropic.com", "https://api.anthropic.com"},
		{"https://generativelanguage.googleapis.com/", "https://generativelanguage.googleapis.com"},
		{"https://api.deepseek.com", "https://api.deepseek.com"},
		{"https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"},
		{"https://my-proxy.example.org:8443/a/b", "https://my-proxy.example.org:8443/a/b"},
		{"https://1.1.1.1", "https://1.1.1.1"}, {"https://8.8.8.8:4443", "https://8.8.8.8:4443"},
		{"https://9.255.255.255", "https://9.255.255.255"}, {"https://11.0.0.0", "https://11.0.0.0"},
		{"https://100.63.255.255", "https://100.63.255.255"}, {"https://100.128.0.0", "https://100.128.0.0"},
		{"https://172.15.0.1", "https://172.15.0.1"}, {"https://172.32.0.1", "https://172.32.0.1"},
		{"https://192.167.1.1", "https://192.167.1.1"}, {"https://198.20.0.1", "https://198.20.0.1"},
		{"https://223.255.255.1", "https://223.255.255.1"},
		{"https://[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]"}, {"https://[2a00:1450:4001::200e]:8443", "https://[2a00:1450:4001::200e]:8443"},
		{"https://[2001:4860:4860::8888]", "https://[2001:4860:4860::8888]"}, {"https://[2620:fe::fe]", "https://[2620:fe::fe]"},
	} {
		b, err := g.Check(tt[0])
		if err != nil || b.String() != tt[1] {
			t.Errorf("Check(%q) = %q, %v, want %q", tt[0], b, err, tt[1])
		}
	}
}

func TestWhatIsAllowed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config egress.Config
		raw    string
		ok     bool
	}{
		{"a trusted origin is taken as written", egress.Config{Trusted: []string{"http://127.0.0.1:9000/v1"}}, "http://127.0.0.1:9000/v2", true},
		{"another port of a trusted host is not", egress.Config{Trusted: []string{"http://127.0.0.1:9000/v1"}}, "http://127.0.0.1:9001", false},
		{"a host may be allowed", egress.Config{Allow: []string{"ollama"}}, "http://ollama:11434/v1", true},
		{"one that is allowed does not allow another", egress.Config{Allow: []string{"ollama"}}, "http://ollama2:11434/v1", false},
		{"a CIDR may be allowed", egress.Config{Allow: []string{"10.1.0.0/16"}}, "http://10.1.2.3", true},
		{"outside of the CIDR is not", egress.Config{Allow: []string{"10.1.0.0/16"}}, "https://10.2.0.1", false},
		{"metadata stays shut by CIDR", egress.Config{Allow: []string{"0.0.0.0/0", "::/0"}}, "https://169.254.169.254", false},
		{"metadata stays shut by host", egress.Config{Allow: []string{"169.254.169.254", "100.100.100.200"}}, "https://100.100.100.200", false},
		{"metadata stays shut when mapped", egress.Config{Allow: []string{"::/0"}}, "https://[::ffff:169.254.169.254]", false},
		{"metadata stays shut behind NAT64", egress.Config{Allow: []string{"::/0", "0.0.0.0/0"}}, "https://[64:ff9b::a9fe:a9fe]", false},
		{"metadata stays shut behind 6to4", egress.Config{Allow: []string{"::/0", "0.0.0.0/0"}}, "https://[2002:a9fe:a9fe::]", false},
		{"an allowed NAT64 does not lead inwards", egress.Config{Allow: []string{"64:ff9b::/96"}}, "https://[64:ff9b::10.0.0.1]", false},
		{"an allowed NAT64 leads to public hosts", egress.Config{Allow: []string{"64:ff9b::/96"}}, "https://[64:ff9b::8.8.8.8]", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := guard(t, tt.config).Check(tt.raw)
			if (err == nil) != tt.ok {
				t.Errorf("Check(%q) = %v, want ok %v", tt.raw, err, tt.ok)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []egress.Config{
		{Allow: []string{"http://ollama"}}, {Allow: []string{"*"}}, {Allow: []string{"host:99999"}}, {Allow: []string{""}},
		{Trusted: []string{"http://169.254.169.254/latest"}}, {Trusted: []string{"https://user:pass@host"}},
	} {
		if _, err := egress.New(c); err == nil {
			t.Errorf("New(%v) = nil, want an error", c)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("New says %q, which repeats a credential", err)
		}
	}
}

// A name is judged by the address it has when it is dialled.
func TestNamesAreJudgedByTheirAddress(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	fetch := func(g *egress.Guard, host string) error {
		tr := &http.Transport{DialContext: g.DialContext}
		defer tr.CloseIdleConnections()
		req, _ := http.NewRequestWithContext(context.Background(), "GET", "http://"+net.JoinHostPort(host, port), nil)
		resp, err := tr.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := fetch(guard(t, egress.Config{}), "localhost"); !errors.Is(err, egress.ErrBlocked) {
		t.Errorf("localhost, nothing allowed: %v, want ErrBlocked", err)
	}
	if err := fetch(guard(t, egress.Config{Trusted: []string{srv.URL}}), "127.0.0.1"); err != nil {
		t.Errorf("a trusted origin: %v, want nil", err)
	}
	if err := fetch(guard(t, egress.Config{Allow: []string{"localhost"}}), "localhost"); err != nil {
		t.Errorf("an allowed host: %v, want nil", err)
	}
	if err := fetch(guard(t, egress.Config{Allow: []string{"127.0.0.0/8", "::1"}}), "localhost"); err != nil {
		t.Errorf("an allowed CIDR: %v, want nil", err)
	}
}
