// Replay serves recorded exchanges as five providers, for trying a hub without
// any of them.
//
//	replay -corpus DIR &
//	OPENAI_API_KEY=x OPENAI_BASE_URL=http://127.0.0.1:8099/openai/v1 llmhubd
//
// The other base URLs are /anthropic, /gemini, /deepseek and /groq/openai/v1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/llmhubd/llmhub/llmhub/wire/wiretest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8099", "`address` to serve on")
	corpus := flag.String("corpus", os.Getenv("LLMHUB_CORPUS"), "`folder` of recorded exchanges; also LLMHUB_CORPUS")
	seed := flag.Uint64("seed", 1, "where streams are cut, and which answer a request gets that none was recorded for")
	failures := flag.Bool("failures", false, "serve recorded refusals too")
	flag.Parse()
	if err := serve(*addr, *corpus, *seed, *failures); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func serve(addr, corpus string, seed uint64, failures bool) error {
	if corpus == "" {
		return errors.New("name the folder of recorded exchanges by -corpus")
	}
	recorded, err := wiretest.Load(corpus)
	if err != nil {
		return fmt.Errorf("read recorded exchanges: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := http.Server{Addr: addr, Handler: providers(recorded, seed, failures), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { s.Close() })
	fmt.Fprintf(os.Stderr, "replay of %d recorded exchanges on http://%s/{openai/v1,anthropic,gemini,deepseek,groq/openai/v1}\n", len(recorded), addr)
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
