package amqp091

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"warren/protocol"
)

var update = flag.Bool("update", false, "write testdata/methods.hex; run testdata/verify.escript afterwards")

// Every method's bytes, held to what testdata/methods.hex says. RabbitMQ 3.10.8 reads and writes the same bytes for the
// same values: testdata/verify.escript asks it.
func TestGoldenMethods(t *testing.T) {
	const file = "testdata/methods.hex"
	if *update {
		var out bytes.Buffer
		out.WriteString("# One method frame per method, on channel 258. Written by go test -run Golden -update, checked against RabbitMQ by\n" +
			"# verify.escript. Field i of the struct is \"si\", 10+i, true when i is even, or a table of ki=\"v\".\n")
		for _, m := range allMethods(t) {
			fmt.Fprintf(&out, "%-28s %x\n", m.ID(), AppendMethod(nil, 258, fill(m)))
		}
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden := readHex(t, file)
	for _, m := range allMethods(t) {
		want, ok := golden[m.ID().String()]
		if !ok {
			t.Errorf("%s is not in %s", m.ID(), file)
			continue
		}
		if got := AppendMethod(nil, 258, fill(m)); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %x\nwant %x", m.ID(), got, want)
		}
		f, n, err := ParseFrame(want, 0)
		if err != nil || n != len(want) || f.Type != FrameMethod || f.Channel != 258 {
			t.Errorf("%s: %+v, %d, %v", m.ID(), f, n, err)
			continue
		}
		if got, err := ParseMethod(f.Payload); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: read %+v, %v, want %+v", m.ID(), got, err, m)
		}
	}
	if len(golden) != len(allMethods(t)) {
		t.Errorf("%s has %d methods", file, len(golden))
	}
}

// Frames that are not methods, from RabbitMQ 3.10.8 (rabbit_binary_generator:build_simple_content_frames).
func TestGoldenContent(t *testing.T) {
	golden := readHex(t, "testdata/content.hex")
	props := protocol.Properties{ContentType: "text/plain", DeliveryMode: 2, Headers: protocol.Table{"k": "v"}}
	got := AppendContentHeader(nil, 1, ClassBasic, 11, props.Append(nil))
	got = AppendBody(got, 1, []byte("hello world"), 16)
	if want := golden["content"]; !bytes.Equal(got, want) {
		t.Errorf("content:\ngot  %x\nwant %x", got, want)
	}
	got = AppendBody(AppendContentHeader(nil, 1, ClassBasic, 0, []byte{0, 0}), 1, nil, 16)
	if want := golden["empty"]; !bytes.Equal(got, want) {
		t.Errorf("empty:\ngot  %x\nwant %x", got, want)
	}
	if want := golden["heartbeat"]; !bytes.Equal(AppendHeartbeat(nil), want) {
		t.Errorf("heartbeat: want %x", want)
	}
	if want := golden["protocol-header"]; !bytes.Equal(AppendProtocolHeader(nil), want) {
		t.Errorf("protocol header: want %x", want)
	}
}

// readHex reads a file of lines "name hex", with comments.
func readHex(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries := map[string][]byte{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		b, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			t.Fatalf("%s: %s: %v", file, words[0], err)
		}
		entries[words[0]] = b
	}
	return entries
}
