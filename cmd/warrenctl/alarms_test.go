package main

import (
	"strings"
	"testing"
)

// what is no mark is refused, with what would be one.
func TestMarksThatAreNone(t *testing.T) {
	_, dir := start(t)
	for _, args := range [][]string{
		{"set_vm_memory_high_watermark"}, {"set_vm_memory_high_watermark", "40"}, {"set_vm_memory_high_watermark", "-0.1"},
		{"set_vm_memory_high_watermark", "NaN"}, {"set_vm_memory_high_watermark", "2GB"}, {"set_vm_memory_high_watermark", "absolute", "much"},
		{"set_vm_memory_high_watermark", "relative", "0.5"},
		{"set_disk_free_limit", "mem_relative"}, {"set_disk_free_limit", "mem_relative", "-1"}, {"set_disk_free_limit", "mem_relative", "2GB"},
		{"set_disk_free_limit", "0.5"}, {"set_disk_free_limit", "absolute", "1GB"},
	} {
		code, out, errOut := ctlRun(append([]string{"--data-dir", dir, "--"}, args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errOut, "it takes") && !strings.Contains(errOut, "such as") && !strings.Contains(errOut, "argument") {
			t.Errorf("%q: exit code %d, %s%s", args, code, out, errOut)
		}
	}
}

// rabbitmq-diagnostics alarms.
func TestNoAlarms(t *testing.T) {
	_, dir := start(t)
	for _, command := range []string{"alarms", "list_alarms"} {
		if code, out, errOut := ctlRun("--data-dir", dir, command); code != 0 || out != "Node warren@burrow reported no alarms, local or clusterwide\n" {
			t.Errorf("%s: exit code %d, %s%s", command, code, out, errOut)
		}
	}
	if code, out, _ := ctlRun("--data-dir", dir, "--formatter", "json", "alarms"); code != 0 || strings.TrimSpace(out) != `{"alarms":[]}` {
		t.Errorf("exit code %d, %s", code, out)
	}
}
