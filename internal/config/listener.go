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
	// What stands behind listeners.tcp. in the file.
	Name string
	// host:port for net.Listen; an empty host is every interface, port 0 any free one.
	Address string
}

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
