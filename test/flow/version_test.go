package flow

import (
	"strconv"
	"strings"
	"testing"
)

// modern skips a row in which RabbitMQ changed its mind: the contract is of 4.3, but Debian's is 3.10, and the tests are tried on it.
// Warren announces 4.3, so it never skips here.
func modern(t testing.TB, why string) {
	t.Helper()
	if !isModern(t) {
		t.Skipf("RabbitMQ before 4.3 differs: %s", why)
	}
}

func isModern(t testing.TB) bool {
	t.Helper()
	version, _ := connect(t).Properties["version"].(string)
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		t.Fatalf("server-properties: version %q", version)
	}
	return n >= 4
}
