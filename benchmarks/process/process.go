// Package process starts what is measured, on a free port and in a directory of its own, and leaves nothing behind.
package process

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// Process is something that runs, with all it has started itself.
type Process struct {
	Name    string
	Address string // host:port
	PID     int    // whose CPU and memory count

	command *exec.Cmd
	dir     string
	ended   chan struct{}
	after   func() // of what it leaves behind
}

// launch runs a command in a process group of its own; what it says goes to a file in dir.
func launch(name, dir string, c *exec.Cmd) (*Process, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{Name: name, PID: c.Process.Pid, command: c, dir: dir, ended: make(chan struct{})}
	go func() {
		_ = c.Wait() // its end is told by whoever looks: the log has the reason
		close(p.ended)
	}()
	return p, nil
}

// await polls until the process is ready, has ended, or takes too long.
func (p *Process) await(ready func() bool) error {
	for deadline := time.Now().Add(startLimit); ; {
		if ready() {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at its start:\n%s", p.Name, p.log())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %v:\n%s", p.Name, startLimit, p.log())
		}
	}
}

func (p *Process) log() []byte {
	b, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return b
}

// listens says whether somebody accepts at the process's address.
func (p *Process) listens() bool {
	c, err := net.DialTimeout("tcp", p.Address, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Stop ends the process and all of its group, and removes its directory.
func (p *Process) Stop() {
	group := -p.command.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // who did not listen; otherwise there is nobody left
	<-p.ended
	if p.after != nil {
		p.after()
	}
	_ = os.RemoveAll(p.dir)
}

// ContextSwitches are how often the threads of the process gave up their core by themselves: to wait, mostly to be woken.
func (p *Process) ContextSwitches() (n int64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.PID))
	for _, task := range tasks {
		status, _ := os.ReadFile(task)
		for line := range strings.Lines(string(status)) {
			if value, found := strings.CutPrefix(line, "voluntary_ctxt_switches:"); found {
				v, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				n += v
			}
		}
	}
	return n
}

// freePort is one that nobody has at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
