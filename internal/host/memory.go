// Package host tells what the machine has.
package host

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// TotalMemory is the memory there is for this process, in bytes: the machine's, or its cgroup's limit when that is less
// (both versions of cgroups). 0 where the system does not tell.
func TotalMemory() int64 { return totalMemory("") }

// totalMemory reads a system's files below root, which is empty for the one we run on.
func totalMemory(root string) int64 {
	total := int64(math.MaxInt64)
	for _, line := range lines(root + "/proc/meminfo") {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				total = kib << 10
			}
		}
	}
	for _, limit := range cgroupLimits(root) {
		total = min(total, limit)
	}
	if total == math.MaxInt64 {
		return 0
	}
	return total
}

// cgroupLimits are the limits of this process's cgroup and of those above it.
func cgroupLimits(root string) []int64 {
	var out []int64
	for _, line := range lines(root + "/proc/self/cgroup") { // hierarchy:controllers:path
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := root+"/sys/fs/cgroup", "memory.max"
		switch parts[1] {
		case "":
		case "memory":
			mount, file = mount+"/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := parts[2]; ; dir = dir[:strings.LastIndexByte(dir, '/')] {
			for _, text := range lines(mount + dir + "/" + file) {
				if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > 0 {
					out = append(out, n)
				}
			}
			if !strings.Contains(dir, "/") {
				break
			}
		}
	}
	return out
}

func lines(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
