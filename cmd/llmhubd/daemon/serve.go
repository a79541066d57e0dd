package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/llmhubd/llmhub/llmhub"
)

// server is a listener with its limits, and the way it goes down.
type server struct {
	http     http.Server
	leaving  atomic.Bool // no longer ready, but still taking requests
	draining atomic.Bool
	preStop  time.Duration
	cut      context.CancelCauseFunc // ends the requests that are left
	drain    time.Duration
	log      *slog.Logger
}

func newServer(h http.Handler, drain time.Duration, log *slog.Logger) *server {
	base, cut := context.WithCancelCause(context.Background())
	s := &server{cut: cut, drain: drain, log: log}
	s.http = http.Server{
		Handler: h, BaseContext: func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 90 * time.Second, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// run serves until a signal to stop. After SIGTERM it takes requests for preStop
// more, being no longer ready, so that whoever sends them here can notice. Then
// it drains: no new connections, the requests under way get the drain time, those
// left then end with an error that says why. A second signal cuts that short.
func (s *server) run(l net.Listener, signals <-chan os.Signal) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(l) }() // ends with Shutdown or Close
	select {
	case err := <-failed:
		return err
	case sig := <-signals:
		s.leaving.Store(true)
		if sig == syscall.SIGTERM && s.preStop > 0 {
			s.log.Info("no longer ready", "draining in", s.preStop.String())
			select {
			case <-time.After(s.preStop):
			case <-signals:
			}
		}
		s.log.Info("draining", "signal", sig.String(), "for", s.drain.String())
	}
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	go func() { // ends with the drain
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.http.Shutdown(ctx); err == nil {
		return nil
	}
	s.cut(&llmhub.Error{Kind: llmhub.Draining, Message: "the server is shutting down"})
	last, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if err := s.http.Shutdown(last); err != nil {
		return errors.Join(errors.New("some requests did not end"), s.http.Close())
	}
	return nil
}

// stopSignals are the signals that ask the process to stop.
func stopSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGTERM, os.Interrupt)
	return c, func() { signal.Stop(c) }
}
