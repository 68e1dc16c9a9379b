package volatile

import "sync"

// Store holds the streams of a node by name. It belongs to the persistence actor and outlives its incarnations.
type Store struct {
	mu      sync.Mutex
	streams map[string]any
	panics  int
	deadly  func(event any) bool
	keep    func(Quarantined)
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{streams: map[string]any{}} }

// Disturb has one in n appends, at random, panic in front of what it does or behind it, as an actor may in the middle of a turn. It is for
// trying out what a crash there leaves behind, and holds for the streams that are opened after it. The first append behind a claim never
// panics: it may belong to an actor's start, and a first start that fails is not tried again.
func (st *Store) Disturb(n int) { st.panics = n }

// Poison has events for which deadly says so panic when they are applied and whenever they are replayed, for trying out what becomes of a
// stream that cannot be. It holds for the streams that are opened after it.
func (st *Store) Poison(deadly func(event any) bool) { st.deadly = deadly }

// Keep has keep hear of every event that is taken out of a stream, in the turn of whoever claims it. It holds for the streams that are opened
// after it.
func (st *Store) Keep(keep func(Quarantined)) { st.keep = keep }

// Open returns the stream of that name, made with an empty state when there is none yet. A name belongs to one type of
// state for as long as the stream lives; another type is a broken invariant and panics.
func Open[S State[S, E], E any](st *Store, name string, empty func() S) *Stream[S, E] {
	st.mu.Lock()
	defer st.mu.Unlock()
	if s, ok := st.streams[name]; ok {
		return s.(*Stream[S, E])
	}
	s := &Stream[S, E]{name: name, empty: empty, panics: st.panics, deadly: st.deadly, keep: st.keep}
	st.streams[name] = s
	return s
}

// Drop forgets a stream whose session or queue is gone.
func (st *Store) Drop(name string) {
	st.mu.Lock()
	delete(st.streams, name)
	st.mu.Unlock()
}

// Len is the number of streams.
func (st *Store) Len() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.streams)
}
