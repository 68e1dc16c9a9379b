// Package cold keeps what nobody will look at for long, and what can be made again at a start, out of memory: the packed pages of the
// indexes, the journal's and the queues' (DESIGN section 7, paging of the index). They lie in a scratch file, which is made empty when the
// process starts, is never synced, and means nothing to the next process.
//
// The file is slots of 4 KiB; docs/formats/journal.md has a paragraph about it. A page takes as many consecutive ones as it needs and
// gives them back when nobody refers to it any longer, which the collector finds out: the state of a queue and that of its stream share
// pages, and actors crash.
package cold

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"warren/persistence/vfs"
)

// slotBytes is what the kernel's cache has at a time: pages are written whole, so that it never has to read for a write.
const slotBytes = 4096

// spareSlots is how much room at the end the file keeps for what comes next.
const spareSlots = 256

// retryAfter is how long nothing is tried after a write has failed.
const retryAfter = time.Second

// ErrNone is what a Store answers that is not there, or not any more: everything stays in memory.
var ErrNone = errors.New("there is no scratch file")

// Store is the scratch file of a node. Everybody may use it at any time; a nil one keeps nothing.
type Store struct {
	fs   vfs.FS
	path string
	file vfs.File
	now  func() time.Time

	mu     sync.Mutex
	slots  slots
	size   uint32 // of the file, in slots
	pages  int
	closed bool
	failed error     // why the newest write failed; nil if it did not
	retry  time.Time // when the next is tried
}

// Open makes the scratch file anew. What an earlier process left there goes.
func Open(fsys vfs.FS, path string) (*Store, error) {
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("scratch file: %w", err)
	}
	f, err := fsys.Create(path)
	if err != nil {
		return nil, fmt.Errorf("scratch file: %w", err)
	}
	return &Store{fs: fsys, path: path, file: f, now: time.Now}, nil
}

// Takes says whether a Put is worth trying: there is a file, and writing to it has not failed a moment ago.
func (s *Store) Takes() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal() == nil
}

// refusal is why nothing is written now.
func (s *Store) refusal() error {
	switch {
	case s.closed:
		return ErrNone
	case s.failed != nil && s.now().Before(s.retry):
		return s.failed
	}
	return nil
}

// Put writes a page. One that could not be written the caller keeps in memory, to try again later: for a second after a failure nothing
// is tried, whoever asks.
func (s *Store) Put(b string) (*Page, error) {
	if s == nil {
		return nil, ErrNone
	}
	n := max(1, (len(b)+slotBytes-1)/slotBytes)
	s.mu.Lock()
	if err := s.refusal(); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	at := s.slots.take(uint32(n))
	s.size = max(s.size, at.end())
	s.mu.Unlock()

	buf := make([]byte, n*slotBytes)
	copy(buf, b)
	_, err := s.file.WriteAt(buf, int64(at.at)*slotBytes)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed = nil; err != nil {
		s.failed = fmt.Errorf("scratch file %s: write %d bytes at %d: %w", s.path, len(buf), int64(at.at)*slotBytes, err)
		s.retry = s.now().Add(retryAfter)
		s.slots.give(at)
		s.shrink()
		return nil, s.failed
	}
	s.pages++
	p := &Page{store: s, at: at, bytes: uint32(len(b)), sum: crc32.Checksum(buf[:len(b)], castagnoli)}
	runtime.AddCleanup(p, s.release, at)
	return p, nil
}

// release takes the slots of a page back that nobody refers to.
func (s *Store) release(at run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages--
	s.slots.give(at)
	s.shrink()
}

// shrink cuts off the end of the file when much of it is free. Should that fail, it is tried with the next page that goes.
func (s *Store) shrink() {
	if s.closed || s.size-s.slots.end < spareSlots && s.slots.end > 0 || s.size == s.slots.end {
		return
	}
	if s.file.Truncate(int64(s.slots.end)*slotBytes) == nil {
		s.size = s.slots.end
	}
}

// Stats are sizes as they are.
type Stats struct {
	Pages int
	// Bytes in use, FileBytes with what is free in between.
	Bytes, FileBytes int64
}

// Stats returns them.
func (s *Store) Stats() Stats {
	if s == nil {
		return Stats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Pages: s.pages, Bytes: int64(s.slots.used) * slotBytes, FileBytes: int64(s.size) * slotBytes}
}

// Close removes the file. Nobody may read a page after it.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNone
	}
	s.closed = true
	err := s.file.Close()
	if removed := s.fs.Remove(s.path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return fmt.Errorf("scratch file: close %s: %w", s.path, err)
	}
	return nil
}
