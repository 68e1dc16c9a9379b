package vhost

import (
	"fmt"
	"sync"

	"warren/persistence/volatile"
)

// pen is what a directory, and the slots and tables in it, are written with. One incarnation of the vhost's actor holds it at a time: one that
// was stuck and has been replaced finds it gone when it wakes up, whatever it was in the middle of. Looking whose it is and writing is one
// step, which never waits for anything, so that nobody can be stuck with the pen in his hand.
type pen struct {
	mu     sync.Mutex
	holder uint64 // 0 for nobody
	newest uint64 // of all holders
}

// take makes an incarnation the holder. One before the newest is refused: it panics, as with every broken invariant.
func (p *pen) take(incarnation uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if incarnation < p.newest {
		panic(p.stale(incarnation))
	}
	p.holder, p.newest = incarnation, incarnation
}

// drop takes the pen from whoever has it: the vhost is given up or deleted.
func (p *pen) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holder = 0
}

// write has the holder write.
func (p *pen) write(incarnation uint64, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if incarnation != p.holder {
		panic(p.stale(incarnation))
	}
	f()
}

func (p *pen) stale(incarnation uint64) error {
	return fmt.Errorf("incarnation %d writes to a directory that %d writes to: %w", incarnation, p.newest, volatile.ErrStale)
}

// write changes the directory, or what is in it.
func (v *VHost) write(f func()) { v.Directory.pen.write(v.incarnation, f) }
