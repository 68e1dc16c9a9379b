package ready

import (
	"reflect"
	"testing"
)

// DESIGN section 8: a queue of which everything goes the one way shares what it has apart from that with all others, and one that has something
// apart has it alone, in every copy.
func TestApartIsTheQueuesOwn(t *testing.T) {
	link := Link{Session: 1, Exchange: 2}
	arrive := &Enqueued{Link: link, Content: Content{Messages: batch(1, 1, 2)}}
	for what, c := range map[string]struct {
		events []Event
		has    func(*State) bool
	}{
		"dead": {
			[]Event{arrive, &Dropped{Intervals: []Interval{{0, 1}}, Reason: Expired, DeadLetter: true}},
			func(s *State) bool { return len(s.Dead()) == 1 && s.Dying() == 1 },
		},
		"an undertaker": {
			[]Event{&Subscribed{Consumer: Consumer{Key: Key{Session: 3}, DeadLetters: true}}},
			func(s *State) bool { return s.Undertaker() != nil },
		},
		"held back": {
			[]Event{&Enqueued{Link: link, Content: Content{Messages: batch(1, 1), Held: true, Expiries: []int64{5}}}},
			func(s *State) bool { return s.NextDue() == 5 && s.Ready() == 1 },
		},
		"spooled": {
			[]Event{arrive, &Spooled{Intervals: []Interval{{0, 2}}}},
			func(s *State) bool { made, _ := s.Spool(); return made == 1 && len(s.Spooling()) == 1 },
		},
		"stowed": {
			[]Event{&Stowed{Upto: 3}},
			func(s *State) bool { _, stowed := s.SpoolLiving(); return stowed == 3 },
		},
		"refused": {
			[]Event{&Refused{Link: link, Sequences: []Interval{{1, 2}}}},
			func(s *State) bool { return len(s.Refused(link)) == 1 },
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, other := New(), New()
			before := s.Clone()
			if other.apart != s.apart || before.apart != s.apart || c.has(s) {
				t.Fatal("it has something of its own before there is anything")
			}
			for _, e := range c.events {
				s.Apply(e)
			}
			after := s.Clone()
			if !c.has(s) || !c.has(after) {
				t.Error("it is not there")
			}
			if c.has(other) || c.has(before) || !reflect.DeepEqual(*straight, apart{}) {
				t.Error("another queue has it as well")
			}
			if after.apart == s.apart {
				t.Error("a copy shares it")
			}
		})
	}
}

// A queue that only has what goes the one way, comes to its end or is emptied, writes nothing to what all share.
func TestApartIsNotWrittenTo(t *testing.T) {
	link := Link{Session: 1, Exchange: 2}
	s := New()
	for _, e := range []Event{
		&Recovered{}, &Enqueued{Link: link, Content: Content{Messages: batch(1, 1, 2)}}, &GetterMade{Key: Key{Session: 1}},
		&Delivered{Key: Key{Session: 1}, Interval: Interval{0, 1}}, &Settled{Key: Key{Session: 1}, First: 1, Last: 1}, &Saved{}, &Purged{}, &Saved{},
		&LinksDropped{Links: []Link{link}}, &SessionEnded{Session: 1},
	} {
		s.Apply(e)
	}
	if s.apart != straight || !reflect.DeepEqual(*straight, apart{}) {
		t.Errorf("it has %+v", *s.apart)
	}
}
