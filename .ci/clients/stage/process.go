package main

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs beside the clients, its output in a file.
type process struct {
	args []string
	cmd  *exec.Cmd
	log  *os.File
	gone chan struct{} // closed when it has ended
	once sync.Once
}

func start(log string, env []string, name string, args ...string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	p := &process{args: args, cmd: exec.Command(name, args...), log: f, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = f, f, env
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // ends with the process
		_ = p.cmd.Wait() // how it ended stands in its log
		close(p.gone)
	}()
	return p, nil
}

// stop asks the process to end and waits; asked twice it does nothing.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-p.gone:
		case <-time.After(15 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.gone
		}
		p.log.Close()
	})
}
