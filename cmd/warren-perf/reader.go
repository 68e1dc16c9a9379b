package main

import (
	"fmt"
	"io"
)

// readFrames feeds a socket's frames to a handler, read by read, until it ends.
func readFrames(from io.Reader, bufferBytes int, s scanner, h handler, afterRead func()) error {
	buffer := make([]byte, bufferBytes)
	kept := 0
	for {
		n, err := from.Read(buffer[kept:])
		if n > 0 {
			done, err := s.scan(buffer[:kept+n], h)
			if err != nil {
				return err
			}
			kept = copy(buffer, buffer[done:kept+n])
			afterRead()
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
}
