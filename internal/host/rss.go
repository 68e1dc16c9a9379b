package host

import (
	"os"
	"strconv"
	"strings"
)

// ResidentSetSize is the process's real use of memory in bytes, 0 where the system does not tell.
func ResidentSetSize() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
