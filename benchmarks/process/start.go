package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Warren starts the broker that make build has built. Each set is a key=value of the configuration.
func Warren(sets ...string) (*Process, error) {
	return onFreePort("Warren", func(dir string, port int) *exec.Cmd {
		args := []string{"--data-dir", filepath.Join(dir, "data"), "--set", fmt.Sprintf("listeners.tcp.default=127.0.0.1:%d", port)}
		for _, set := range sets {
			args = append(args, "--set", set)
		}
		return exec.Command("build/warren", args...)
	})
}

// Relay starts a program that only copies bytes from socket to socket.
func Relay() (*Process, error) {
	return onFreePort("relay", func(_ string, port int) *exec.Cmd {
		return exec.Command(generator, "relay", "--listen", fmt.Sprintf("127.0.0.1:%d", port))
	})
}

func onFreePort(name string, command func(dir string, port int) *exec.Cmd) (*Process, error) {
	dir, err := os.MkdirTemp("", "warren-bench-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := launch(name, dir, command(dir, port))
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	p.Address = fmt.Sprintf("127.0.0.1:%d", port)
	ready := p.listens
	if name == "relay" { // it takes connections in pairs: none may be spent on a look
		ready = func() bool { return strings.Contains(string(p.log()), "listening") }
	}
	if err := p.await(ready); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// RabbitMQ starts the one that Debian's package has installed, as a node of our own: with another name, port mapper, cookie and data.
// Debian's own start script would want to be root, and use the system's data.
func RabbitMQ() (*Process, error) {
	scripts, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
	if len(scripts) == 0 {
		return nil, fmt.Errorf("RabbitMQ is not installed: benchmarks/peers/install.sh does it")
	}
	dir, err := os.MkdirTemp("", "warren-bench-")
	if err != nil {
		return nil, err
	}
	var ports [3]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, err
		}
	}
	pidFile, mapper := filepath.Join(dir, "pid"), "ERL_EPMD_PORT="+strconv.Itoa(ports[2])
	c := exec.Command(scripts[len(scripts)-1])
	c.Env = append(os.Environ(), "HOME="+dir, mapper,
		"RABBITMQ_NODENAME=bench@localhost", fmt.Sprintf("RABBITMQ_NODE_PORT=%d", ports[0]), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[1]),
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_PID_FILE="+pidFile, "RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "data"),
		"RABBITMQ_LOG_BASE="+filepath.Join(dir, "logs"), "RABBITMQ_CONF_ENV_FILE="+filepath.Join(dir, "none"),
		"RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "none"), "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"))
	p, err := launch("RabbitMQ", dir, c)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	p.after = func() { // the port mapper makes itself a daemon
		kill := exec.Command("epmd", "-kill")
		kill.Env = append(os.Environ(), mapper)
		_ = kill.Run()
	}
	p.Address = fmt.Sprintf("127.0.0.1:%d", ports[0])
	if err := p.await(p.listens); err != nil {
		p.Stop()
		return nil, err
	}
	text, err := os.ReadFile(pidFile)
	if err == nil {
		p.PID, err = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("RabbitMQ's pid: %w", err)
	}
	return p, nil
}
