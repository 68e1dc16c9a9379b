package protocol

import (
	"fmt"
	"strconv"
)

// maxExpiration is the longest time to live, in milliseconds: ten years of 365 days (contract P-32).
const maxExpiration = 315_360_000_000

// ParseExpiration reads the expiration property: milliseconds, as text (contract P-32). The error says what RabbitMQ says
// behind the words invalid expiration.
func ParseExpiration(text []byte) (int64, error) {
	n := 0
	for n < len(text) && (text[n] >= '0' && text[n] <= '9' || n == 0 && (text[0] == '-' || text[0] == '+')) {
		n++
	}
	ms, err := strconv.ParseInt(string(text[:n]), 10, 64)
	switch {
	case n == 0 || n == 1 && (text[0] == '-' || text[0] == '+'):
		return 0, fmt.Errorf("no_integer")
	case n < len(text):
		return 0, fmt.Errorf("{leftover_string,%q}", text[n:])
	case err != nil || ms > maxExpiration: // beyond 64 bits as well
		if text[0] == '-' {
			return 0, fmt.Errorf("{value_negative,%s}", text)
		}
		return 0, fmt.Errorf("{value_too_big,%s}", text)
	case ms < 0:
		return 0, fmt.Errorf("{value_negative,%d}", ms)
	}
	return ms, nil
}
