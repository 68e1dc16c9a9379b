package connection

import "time"

// This file is about when a socket is closed whatever its client does. The timers belong to the socket and end with it: no crash of an actor
// loses one, begins it anew, or leaves it behind.

// CloseIn closes the socket after d, without waiting for what is still to be written then. Of several calls the earliest time counts, so that
// an actor which restarts and asks again gives nobody more time.
func (t *Transport) CloseIn(d time.Duration) {
	at := time.Now().Add(d)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.fuse != nil && !at.Before(t.burnt) {
		return
	}
	if t.burnt = at; t.fuse != nil {
		t.fuse.Stop()
	}
	t.fuse = time.AfterFunc(d, func() { t.Finish(0) })
}

// expect has timedOut called after d, unless the client is known until then.
func (t *Transport) expect(d time.Duration, timedOut func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.handshake = time.AfterFunc(d, timedOut)
	}
}

// known says that the handshake is over.
func (t *Transport) known() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.handshake != nil {
		t.handshake.Stop()
		t.handshake = nil
	}
}

// douse stops the timers of a socket that is closed. t.mu is held.
func (t *Transport) douse() {
	for _, timer := range [...]*time.Timer{t.fuse, t.handshake} {
		if timer != nil {
			timer.Stop()
		}
	}
	t.fuse, t.handshake = nil, nil
}
