package broker

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// PID of the broker's process.
func (b *Broker) PID() int { return b.command.Process.Pid }

// RSS is the broker's resident memory in bytes.
func (b *Broker) RSS(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(bytes.NewReader(status)); s.Scan(); {
		if value, found := strings.CutPrefix(s.Text(), "VmRSS:"); found {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS in /proc: the process is a zombie")
	return 0
}
