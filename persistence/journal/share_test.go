package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// Issue 3, and contract D-06: a message in ten queues takes about as much of the disk as in one, also when cleaning has carried it
// forward, and each of the ten gets it when the first that had it is gone.
func TestSharedOncePerSegment(t *testing.T) {
	mem := vfs.NewMemory()
	opt := testOptions()
	opt.SegmentBytes = 256 << 10
	j := open1(t, mem, opt)
	const queues, n, size = 10, 100, 1 << 10
	var ids []StreamID
	for q := range queues {
		ids = append(ids, j.Stream(fmt.Sprint("queue ", q)))
	}
	noise := j.Stream("noise")
	r := rand.New(rand.NewPCG(1, 2))
	bodies := make([][]byte, n)
	for i := range uint64(n) {
		body := make([]byte, size)
		for k := range body {
			body[k] = byte(r.Uint32()) // or zstd would hide what is stored twice
		}
		bodies[i] = body
		tail := segment.NewTail(body)
		for q, id := range ids {
			must(t, appendShared(j, id, 1, i, Messages, fmt.Appendf(nil, "%d/%d ", q, i), tail))
		}
		must(t, j.Append(noise, 1, i, Messages, make([]byte, 4*size)))
		if i%7 == 0 {
			commit(t, j)
		}
	}
	commit(t, j)
	once := func(what string) {
		t.Helper()
		if stats := j.Stats(); stats.LivingBytes > n*(size+queues*(segment.RecordHeader+40)) {
			t.Errorf("%s: %d living bytes", what, stats.LivingBytes)
		}
	}
	must(t, j.Checkpoint(noise, 1, n, nil))
	for i := range uint64(n) {
		must(t, j.Release(noise, i))
		must(t, j.Release(ids[0], i))
	}
	must(t, j.Checkpoint(ids[0], 1, n, nil)) // the first queue, whose records have the bytes
	commit(t, j)
	once("written")
	for more := true; more; {
		c, err := j.Clean(8 << 10)
		must(t, err)
		more = c.More
	}
	must(t, j.Checkpoint(noise, 1, n, nil))
	commit(t, j)
	if j.Stats().Copied < 2*n {
		t.Errorf("%d copied", j.Stats().Copied)
	}
	once("cleaned")
	check := func(j *Journal) {
		t.Helper()
		for q, id := range ids[1:] {
			got := events(t, j, id, 0)
			if len(got) != n {
				t.Fatalf("queue %d has %d", q+1, len(got))
			}
			for i, e := range got {
				if want := fmt.Sprintf("%d:%d/%d %s", i, q+1, i, bodies[i]); e != want {
					t.Fatalf("queue %d, message %d: %.40q", q+1, i, e)
				}
			}
		}
	}
	check(j)
	crashed := open1(t, mem.Crash(nil), opt)
	check(crashed)
	found := foundOf(t, crashed, ids[3])
	if string(found[7].Summary) != "3/7 " {
		t.Errorf("found %+v", found[7])
	}
}

// A reader of what is not written yet gets the tail as well; a dump says what is shared, and prints it.
func TestSharedIsReadAndDumped(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	a, b := j.Stream("a"), j.Stream("b")
	tail := segment.NewTail(bytes.Repeat([]byte("x"), 100))
	must(t, appendShared(j, a, 1, 0, Messages, []byte("A"), tail))
	must(t, appendShared(j, b, 1, 0, Messages, []byte("B"), tail))
	want := "0:B" + string(tail.Bytes)
	if got := events(t, j, b, 0); len(got) != 1 || got[0] != want {
		t.Errorf("before the commit %q", got)
	}
	must(t, j.Close())
	var out bytes.Buffer
	_, err := Dump(mem, testDir, &out)
	must(t, err)
	got := map[string]string{}
	for d := json.NewDecoder(&out); ; {
		var r Dumped
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got[r.Name] = fmt.Sprintf("%v %s", r.Shared, r.Payload)
	}
	if got["a"] != "false A"+string(tail.Bytes) || got["b"] != "true B"+string(tail.Bytes) {
		t.Errorf("dump %q", got)
	}
}

// A payload in two parts that nobody else has is one payload: before it is written, when it is read, and for a start.
func TestPartedIsOnePayload(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	a := j.Stream("a")
	must(t, j.AppendParted(a, 1, 0, Messages, 2, []byte("Head"), Tail{Bytes: []byte("tail")}))
	must(t, j.AppendParted(a, 1, 1, Messages, 0, []byte("k"), Tail{Bytes: bytes.Repeat([]byte("x"), 100)}))
	want := []string{"0:Headtail", "1:k" + strings.Repeat("x", 100)}
	if got := events(t, j, a, 0); !slices.Equal(got, want) {
		t.Errorf("before the commit %q", got)
	}
	must(t, j.Close())
	j = open1(t, mem, testOptions())
	found := foundOf(t, j, a)
	if len(found) != 2 || string(found[0].Summary) != "He" || len(found[1].Summary) > 0 {
		t.Errorf("found %+v", found)
	}
	if got := events(t, j, a, 0); !slices.Equal(got, want) {
		t.Errorf("afterwards %q", got)
	}
}

// appendShared appends a summary and a tail that other records have.
func appendShared(j *Journal, id StreamID, incarnation, index uint64, kind Kind, summary []byte, tail Tail) error {
	return j.AppendParted(id, incarnation, index, kind, len(summary), summary, tail)
}
