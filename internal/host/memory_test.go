package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTotalMemory(t *testing.T) {
	// W-04: total memory is the cgroup's if there is one, of either version, and of any group above ours.
	const meminfo = "MemTotal:       1024 kB\nMemFree:         100 kB\n"
	const unlimited = "9223372036854771712\n"
	for _, e := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no cgroup", map[string]string{"proc/meminfo": meminfo}, 1 << 20},
		{"not Linux", nil, 0},
		{"version 2", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "5000\n"}, 5000},
		{"version 2, the one above", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "7000\n"}, 7000},
		{"version 2, inside", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "6000\n"}, 6000},
		{"version 2, no limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 1 << 20},
		{"more than there is", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "2000000\n"}, 1 << 20},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu:/other\n4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited}, 4000},
		{"version 1, no limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited}, 1 << 20},
		{"garbage", map[string]string{"proc/meminfo": "MemTotal: much\nMemTotal:", "proc/self/cgroup": "x\n0::/a\n", "sys/fs/cgroup/a/memory.max": "-5"}, 0},
	} {
		root := t.TempDir()
		for name, text := range e.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := totalMemory(root); got != e.want {
			t.Errorf("%s: %d, want %d", e.name, got, e.want)
		}
	}
	if total := TotalMemory(); total <= 0 {
		t.Errorf("this machine has %d bytes", total)
	}
}
