package config

import (
	"net"
	"strconv"
	"strings"
)

// defaultListener is the name in listeners.tcp.default.
const defaultListener = "default"

// Listener is an address that AMQP is spoken on.
type Listener struct {
	// What stands behind listeners.tcp. or listeners.ssl. in the file.
	Name string
	// host:port for net.Listen; an empty host is every interface, port 0 any free one.
	Address string
	// TLS is set for listeners.ssl.
	TLS bool
}

// Socket is what tcp_listen_options say of a listener's connections. What is nil or 0 is left to the operating system.
type Socket struct {
	Backlog       int   // connections that may wait to be accepted
	NoDelay       bool  // small writes leave at once
	KeepAlive     bool  // half-open connections are found out by the operating system
	Linger        *bool // a close waits for what is unsent, or resets when LingerSeconds is 0
	LingerSeconds int
	SendBuffer    int // bytes
	ReceiveBuffer int // bytes
}

const listenerForm = "a port, host:port, [ipv6]:port or none; port 0 takes a free one"

// parseAddress reads a listener's value as RabbitMQ does (https://www.rabbitmq.com/docs/networking): a port on every
// interface, or host:port, with an IPv6 host in brackets. The second result is false when it is neither.
func parseAddress(value string) (string, bool) {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		host, port = "", value
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strings.ContainsAny(host, " \t/") {
		return "", false
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), true
}
