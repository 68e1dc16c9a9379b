//go:build !linux

package vfs

import "os"

// datasync: Go's Sync does what the platform has, F_FULLFSYNC on a Mac.
func datasync(f *os.File) error { return f.Sync() }

func allocate(f *os.File, from, to int64) error { return fill(f, from, to) }
