package pitfalls

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/persistence"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// persistent persists what it is sent and says whether it still knows the sender then.
type persistent struct {
	persistence.Mixin
	known chan bool
}

func (a *persistent) Receive(c actor.Context) {
	m, ok := c.Message().(*wrapperspb.StringValue)
	if !ok || a.Recovering() {
		return
	}
	had := c.Sender() != nil
	a.PersistReceive(m)
	if had {
		a.known <- c.Sender() != nil
	}
}

type provider struct{ persistence.ProviderState }

func (p provider) GetState() persistence.ProviderState { return p.ProviderState }

func spawnPersistent(s *actor.ActorSystem, a *persistent, snapshotInterval int) *actor.PID {
	return s.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return a },
		actor.WithReceiverMiddleware(persistence.Using(provider{persistence.NewInMemoryProvider(snapshotInterval)}))))
}

// P10: PersistReceive that asks for a snapshot loses sender and message of the turn. (asynkron/protoactor-go 256, 386)
func TestP10_PersistReceiveLosesTheSender(t *testing.T) {
	s := quietSystem()
	a := &persistent{known: make(chan bool, 1)}
	p := spawnPersistent(s, a, 2)
	var got []bool
	for range 4 {
		s.Root.RequestWithCustomSender(p, wrapperspb.String("e"), s.NewLocalPID("eventstream"))
		got = append(got, <-a.known)
	}
	if fmt.Sprint(got) != "[false true false true]" {
		t.Fatal("behaviour changed:", got)
	}
}

// P11: a snapshot interval of zero divides by zero in the actor.
func TestP11_SnapshotIntervalZeroPanics(t *testing.T) {
	s := quietSystem()
	reasons := make(chan string, 100)
	s.EventStream.Subscribe(func(e any) {
		if f, ok := e.(*actor.SupervisorEvent); ok {
			reasons <- fmt.Sprint(f.Reason)
		}
	})
	s.Root.Send(spawnPersistent(s, &persistent{known: make(chan bool, 1)}, 0), wrapperspb.String("e"))
	var reason string
	eventually(t, "a failure", func() bool {
		select {
		case reason = <-reasons:
			return true
		default:
			return false
		}
	})
	if !strings.Contains(reason, "divide by zero") {
		t.Fatal("behaviour changed:", reason)
	}
}
