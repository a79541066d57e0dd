// Package daemon is llmhubd: the library behind an HTTP API, logins and a log.
package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/llmhubd/llmhub/cmd/llmhubd/internal/config"
)

// Version of llmhubd; a release's build sets it by -ldflags "-X …daemon.Version=…".
var Version = "0.1.0-dev"

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	exitSick  = 3 // healthcheck: the server does not answer well
)

// Main runs a verb of llmhubd, "serve" if none is given, and returns the
// process's exit code.
func Main(args []string, types map[string]Type) int {
	verb := "serve"
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		verb, args = args[0], args[1:]
	}
	run, ok := verbs()[verb]
	if !ok {
		fmt.Fprintf(os.Stderr, "llmhubd has no verb %q; it has %v\n", verb, slices.Sorted(maps.Keys(verbs())))
		return exitUsage
	}
	flags := flag.NewFlagSet("llmhubd "+verb, flag.ContinueOnError)
	given := config.Flags(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "llmhubd %s takes no argument %q\n", verb, flags.Arg(0))
		return exitUsage
	}
	cfg, err := config.Load(config.Options{Flags: given, Types: slices.Sorted(maps.Keys(types))})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	return run(cfg, types)
}

func verbs() map[string]func(*config.Config, map[string]Type) int {
	return map[string]func(*config.Config, map[string]Type) int{
		"serve":       serve,
		"healthcheck": healthcheck,
		"version": func(*config.Config, map[string]Type) int {
			fmt.Println("llmhubd", Version)
			return exitOK
		},
	}
}

// serve runs the server until it is asked to stop.
func serve(cfg *config.Config, types map[string]Type) int {
	log := newLog(cfg, os.Stderr)
	if err := serveUntil(cfg, types, log, os.Stderr); err != nil {
		log.Error("llmhubd stops", "error", err)
		return exitError
	}
	return exitOK
}

func serveUntil(cfg *config.Config, types map[string]Type, log *slog.Logger, out io.Writer) error {
	signals, stop := stopSignals()
	defer stop()
	listener, err := net.Listen("tcp", cfg.Server.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	d, err := open(context.Background(), cfg, types, log)
	if err != nil {
		return err
	}
	srv := newServer(d.handler, cfg.Server.DrainTimeout, log)
	if !cfg.Server.Loopback() {
		srv.preStop = cfg.Server.PreStop
	}
	d.draining, d.leaving = srv.draining.Load, srv.leaving.Load
	if err := d.greet(context.Background(), listener.Addr().String(), out); err != nil {
		return errors.Join(err, d.close())
	}
	err = srv.run(listener, signals)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, d.close())
}

// healthcheck asks the running server whether it is ready, for containers.
func healthcheck(cfg *config.Config, _ map[string]Type) int {
	_, port, err := net.SplitHostPort(cfg.Server.Listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/readyz", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitError
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitSick
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, "readyz answered", resp.Status)
		return exitSick
	}
	return exitOK
}

func newLog(cfg *config.Config, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.Level}
	text := cfg.Log.Format == "text"
	if f, ok := w.(*os.File); ok && cfg.Log.Format == "auto" {
		info, err := f.Stat()
		text = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if text {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
