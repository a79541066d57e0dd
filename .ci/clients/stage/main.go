// Stage runs official clients against a real llmhubd: it starts a replay of
// recorded exchanges, scripted providers and the server, makes a caller's key,
// runs the command it is given, and then looks for provider keys wherever none
// may be: in what the server printed, what it stored and what it answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	server := flag.String("server", "", "llmhubd's `binary`")
	replay := flag.String("replay", "", "the replay's `binary`")
	corpus := flag.String("corpus", os.Getenv("LLMHUB_CORPUS"), "`folder` of recorded exchanges")
	flag.Parse()
	dir, err := os.MkdirTemp("", "stage")
	if err == nil {
		err = run(dir, *server, *replay, *corpus, flag.Args())
	}
	if err == nil {
		os.RemoveAll(dir)
		return
	}
	fmt.Fprintln(os.Stderr, "stage:", err)
	fmt.Fprintln(os.Stderr, "stage: logs are in", dir)
	os.Exit(1)
}

func run(dir, server, replay, corpus string, command []string) (err error) {
	if server == "" || replay == "" || corpus == "" || len(command) == 0 {
		return errors.New("needs -server, -replay, -corpus and a command")
	}
	secrets := newSecrets()
	scripted := newScripted()
	upstream := httptest.NewServer(scripted)
	defer upstream.Close()

	recorded, err := start(filepath.Join(dir, "replay.log"), nil, replay, "-addr", freeAddr(), "-corpus", corpus, "-seed", "1")
	if err != nil {
		return err
	}
	defer recorded.stop()
	hub := &hub{dir: dir, addr: freeAddr(), secrets: secrets}
	if err := hub.start(server, recorded.args[1], upstream.URL); err != nil {
		return err
	}
	defer hub.stop()
	defer func() {
		if err != nil {
			hub.printLog(os.Stderr)
		}
	}()
	if err := hub.makeKeys(); err != nil {
		return fmt.Errorf("make a caller's key: %w", err)
	}
	front, err := newFront(hub.addr, filepath.Join(dir, "answers.log"))
	if err != nil {
		return err
	}
	defer front.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "STAGE_URL="+front.URL, "STAGE_KEY="+hub.key, "STAGE_OPEN_KEY="+hub.openKey, "STAGE_SMART_KEY="+hub.smartKey, "LLMHUB_CORPUS="+corpus)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", command[0], err)
	}
	if err := hub.checkLog(); err != nil {
		return fmt.Errorf("the usage log: %w", err)
	}
	hub.stop() // so that all is written
	if err := front.close(); err != nil {
		return err
	}
	return search(dir, secrets, hub, scripted)
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // no loopback interface
	}
	defer l.Close()
	return l.Addr().String()
}
