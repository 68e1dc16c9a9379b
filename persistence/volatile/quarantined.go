package volatile

import (
	"fmt"
	"reflect"
)

// Quarantined is an event that was taken out of a stream because replaying it panics.
type Quarantined struct {
	Stream      string
	Incarnation uint64 // that claimed the stream
	Event       any
	Reason      any
}

// Describe writes down all that can be seen of the event, for whoever is to find out what was wrong with it: what its fields lead to, too.
func (q *Quarantined) Describe() []byte {
	b := fmt.Appendf(nil, "%T %+v\n", q.Event, q.Event)
	v := reflect.ValueOf(q.Event)
	if v.Kind() != reflect.Struct {
		return b
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Interface && !f.IsNil() && f.CanInterface() {
			b = fmt.Appendf(b, "%s: %T %+v\n", v.Type().Field(i).Name, f.Interface(), f.Interface())
		}
	}
	return b
}
