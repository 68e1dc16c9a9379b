package config

import (
	"math"
	"strconv"
	"strings"
)

// units are RabbitMQ's information units (https://www.rabbitmq.com/docs/memory): since 3.13 a bare k, M, G is a power of 1000
// as in Kubernetes, and the letter i makes it a power of 1024. Upper and lower case mean the same.
var units = map[string]int64{
	"":  1,
	"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
	"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
}

// ParseSize reads a whole number of bytes with one of the units. The second result is false when it is none.
func ParseSize(value string) (int64, bool) {
	digits := strings.TrimRight(value, "kKmMgGtTpPbBiI")
	n, err := strconv.ParseInt(digits, 10, 64)
	factor, known := units[strings.ToLower(value[len(digits):])]
	if err != nil || !known || n < 0 || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}
