package main

import (
	"fmt"
	"net"
	"net/url"
)

// endpoint is what an amqp:// URI names.
type endpoint struct {
	address, user, password, vhost string
}

// parseURI follows RabbitMQ's URI specification: no path is the vhost "/", an empty path the vhost "".
func parseURI(text string) (endpoint, error) {
	u, err := url.Parse(text)
	if err != nil {
		return endpoint{}, fmt.Errorf("--uri: %w", err)
	}
	if u.Scheme != "amqp" {
		return endpoint{}, fmt.Errorf("--uri: scheme %q is not amqp", u.Scheme)
	}
	e := endpoint{user: "guest", password: "guest", vhost: "/"}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "5672"
	}
	e.address = net.JoinHostPort(host, port)
	if u.User != nil {
		e.user = u.User.Username()
		if p, given := u.User.Password(); given {
			e.password = p
		}
	}
	if u.Path != "" {
		e.vhost = u.Path[1:]
	}
	return e, nil
}
