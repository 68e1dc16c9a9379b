package host

import "golang.org/x/sys/unix"

// FreeDisk is what an ordinary user may still write to the file system of a directory, in bytes. 0 where the system does
// not tell.
func FreeDisk(dir string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0
	}
	return int64(s.Bavail) * s.Bsize
}
