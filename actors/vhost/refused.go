package vhost

import "github.com/asynkron/protoactor-go/actor"

// refusedBefore is for a request that is asked again after a crash, while the answer to the first asking was on its way. What was
// refused then stays refused, though the reason may be gone by now: a queue that was in use is not deleted behind the back of a client
// that has been told so. The session may be over by then, because of that answer; a session that is over asks for nothing.
func (v *VHost) refusedBefore(ctx actor.Context, r Request) bool {
	if !r.Again {
		return false
	}
	if v.Sessions.Lookup(r.Session) == nil {
		return true
	}
	err := v.Directory.refused.Of(r.Session, r.ID)
	if err != nil {
		v.answer(ctx, r, &Answer{ID: r.ID, Err: err})
	}
	return err != nil
}
