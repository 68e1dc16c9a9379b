package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration
	rssBytes int64
}

// ticksPerSecond is USER_HZ, 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// sampleProcess reads another process's usage from /proc.
func sampleProcess(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("sample the broker: %w", err)
	}
	return parseStat(stat)
}

// parseStat reads fields 14, 15 (CPU) and 24 (resident pages). The second field is a name in brackets that may hold anything.
func parseStat(stat []byte) (usage, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	const user, system, rss = 14 - 3, 15 - 3, 24 - 3
	if end < 0 || len(fields) <= rss {
		return usage{}, fmt.Errorf("sample the broker: %q is no /proc stat line", stat)
	}
	var values [3]int64
	for i, at := range []int{user, system, rss} {
		v, err := strconv.ParseInt(string(fields[at]), 10, 64)
		if err != nil {
			return usage{}, fmt.Errorf("sample the broker: %w", err)
		}
		values[i] = v
	}
	return usage{
		cpu:      time.Duration(values[0]+values[1]) * time.Second / ticksPerSecond,
		rssBytes: values[2] * int64(os.Getpagesize()),
	}, nil
}

// ownCPU is what this process has used: a generator that costs as much as the broker measures itself.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
