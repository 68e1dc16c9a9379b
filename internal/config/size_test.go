package config

import "testing"

// https://www.rabbitmq.com/docs/memory: units, since 3.13 with K, M and G as powers of 1000 (contract A-07).
func TestSizes(t *testing.T) {
	for value, want := range map[string]int64{
		"0": 0, "1024": 1024, "1k": 1000, "1K": 1000, "1kB": 1000, "1KB": 1000, "1Ki": 1024, "1KiB": 1024, "1kib": 1024,
		"2M": 2e6, "2MB": 2e6, "2Mi": 2 << 20, "2MiB": 2 << 20, "3G": 3e9, "3GB": 3e9, "3GiB": 3 << 30, "1T": 1e12, "1PiB": 1 << 50,
	} {
		if got, ok := ParseSize(value); !ok || got != want {
			t.Errorf("%s: got %d %v, want %d", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "k", "-1", "1.5G", "1 G", "1X", "1iB", "1B", "9223372036854775808", "99999P"} {
		if got, ok := ParseSize(value); ok {
			t.Errorf("%q was taken for %d", value, got)
		}
	}
}

// P-18 and https://www.rabbitmq.com/docs/networking: host and port, IPv6; a port alone is every interface.
func TestAddresses(t *testing.T) {
	for value, want := range map[string]string{
		"5672": ":5672", "0": ":0", "127.0.0.1:5672": "127.0.0.1:5672", "[::1]:5672": "[::1]:5672", "::1": "", ":5672": ":5672",
		"localhost:5672": "localhost:5672", "65536": "", "-1": "", "amqp": "", "amqp://x:1": "", "": "",
	} {
		if got, ok := parseAddress(value); got != want || ok != (want != "") {
			t.Errorf("%q: got %q %v, want %q", value, got, ok, want)
		}
	}
}
