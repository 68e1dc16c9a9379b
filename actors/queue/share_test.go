package queue

import (
	"slices"
	"testing"
)

// Contract P-46: a consumer that shares a limit gets what is granted, and the rest of a grant is lost; the queue says once that it wants
// something, and again behind a grant or to a session that resumes; the grant's answer comes behind what it brought.
func TestSharedLimit(t *testing.T) {
	s := newStand(t)
	s.command(1, &Consume{Consumer: 2, Shared: true, Prefetch: 4})
	wants := func(letters []letter, want int) {
		t.Helper()
		if got := only[*Wants](letters); len(got) != want {
			t.Fatalf("it wants %d times, and should %d times", len(got), want)
		}
	}
	got := s.publish(1, 1)
	wants(got, 1)
	if b := bodies(got, 2); len(b) != 0 {
		t.Fatalf("%v without a grant", b)
	}
	wants(s.publish(2, 5), 0)
	got = s.command(1, &Grant{Consumer: 2, N: 2})
	if b := bodies(got, 2); !slices.Equal(b, []int{1, 2}) {
		t.Fatalf("granted 2, got %v", b)
	}
	wants(got, 1)
	behind := slices.IndexFunc(got, func(l letter) bool { _, is := l.message.(*Done); return is })
	if front := slices.IndexFunc(got, func(l letter) bool { _, is := l.message.(*Deliveries); return is }); front > behind {
		t.Fatal("the answer is in front of the deliveries")
	}
	wants(s.start(2), 0) // it has no window before its session resumes
	wants(s.tell(&Resume{Session: 1, Received: map[uint32]uint64{2: 2}}), 1)
	got = s.command(1, &Grant{Consumer: 2, N: 10})
	if b := bodies(got, 2); !slices.Equal(b, []int{3, 4}) { // as far as its own prefetch
		t.Fatalf("got %v", b)
	}
	wants(got, 0) // it has no room
	got = s.command(1, &Settle{Consumer: 2, First: 1, Last: 4})
	wants(got, 1)
	if b := bodies(got, 2); len(b) != 0 {
		t.Fatalf("what was left of a grant brought %v", b)
	}
	if b := bodies(s.command(1, &Share{Consumer: 2}), 2); !slices.Equal(b, []int{5, 6}) {
		t.Fatalf("without the limit came %v", b)
	}
	wants(s.command(1, &Share{Consumer: 2, On: true}), 0)
	wants(s.publish(7, 1), 1)
	s.command(1, &Cancel{Consumer: 2})
	if n := s.q.state.Sharing(); n != 0 {
		t.Errorf("%d consumers share", n)
	}
	s.command(2, &Consume{Consumer: 2, Shared: true})
	s.tell(&Commands{Session: 2, First: 2, Ops: []Op{&Leave{}}})
	if n := s.q.state.Sharing(); n != 0 {
		t.Errorf("%d consumers share", n)
	}
}
