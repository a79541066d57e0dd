package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/auth"
)

// firstRunKey is the file with a virtual key for the printed curl.
const firstRunKey = "first-run.key"

// greet says where the server is, who answers, and how to go on.
func (d *daemon) greet(ctx context.Context, addr string, out io.Writer) error {
	for _, w := range d.cfg.Warnings {
		d.log.Warn(w)
	}
	if !d.cfg.Server.Loopback() {
		d.log.Warn("other machines can reach this server, and without https what they send can be read on the way: put a proxy that speaks TLS in front")
	}
	host := "http://" + reachable(addr)
	fmt.Fprintf(out, "LLM Hub %s   %s   data %s (sqlite)\n", Version, host, d.cfg.Storage.Data)
	fmt.Fprintf(out, "providers   %s\n", d.providers())
	token, err := d.auth.SetupToken(ctx)
	if err != nil {
		return err
	}
	if !token.IsZero() { // the one place where it shows
		fmt.Fprintf(out, "setup       %s/#/setup?token=%s   (one use, 30 minutes: makes the first admin)\n", host, token.Expose())
	}
	key := d.demoKey.Expose()
	if !d.gateway.Demo() {
		if key, err = d.firstKey(ctx); err != nil || key == "" {
			return err
		}
	}
	fmt.Fprintf(out, "try         curl -s %s/v1/chat -H \"Authorization: Bearer %s\" -d '{\"model\":\"smart\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'\n", host, key)
	return nil
}

// reachable is addr as this machine can open it: an address that stands for all
// of them is no place to go to.
func reachable(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().IsUnspecified() {
		return addr
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(at.Port())))
}

// firstKey makes a virtual key, at the start that makes the database, and
// returns the words by which a shell reads it; "" later.
func (d *daemon) firstKey(ctx context.Context) (string, error) {
	if !d.fresh {
		return "", nil
	}
	row, key := auth.NewVirtualKey()
	row.Name = "first run"
	row.CreatedAt = time.Now()
	if err := d.store.CreateVirtualKey(ctx, row); err != nil {
		return "", fmt.Errorf("make the first virtual key: %w", err)
	}
	if err := d.dir.WriteFile(firstRunKey, []byte(key.Expose()+"\n")); err != nil {
		return "", err
	}
	return "$(cat " + d.dir.Path(firstRunKey) + ")", d.auth.Refresh(ctx)
}

func (d *daemon) providers() string {
	if d.gateway.Demo() {
		return "demo only: no provider key found; set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, DEEPSEEK_API_KEY or GROQ_API_KEY"
	}
	live := d.gateway.live.Load()
	var words []string
	for _, p := range d.cfg.Providers {
		n := live.serving[p.Name]
		switch n {
		case 0:
			words = append(words, p.Name+" none")
		case 1:
			words = append(words, p.Name+" 1 key")
		default:
			words = append(words, fmt.Sprint(p.Name, " ", n, " keys"))
		}
	}
	return strings.Join(words, "   ")
}
