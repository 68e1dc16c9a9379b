package broker

import (
	"bufio"
	"io"
	"regexp"
	"strings"
	"sync"
)

// logPipe reads a broker's log while it runs: it keeps the last lines and finds the address.
type logPipe struct {
	mu    sync.Mutex
	lines []string
	// by protocol and name, such as "amqp/ssl default"
	listeners map[string]string
	address   chan string // gets the first address, then is never used again
	ended     chan struct{}
}

const keptLines = 400

var (
	// A console line says address=127.0.0.1:1234, a JSON line "address":"127.0.0.1:1234".
	addressPattern  = regexp.MustCompile(`address"?[=:]\s*"?((?:[0-9.]+|\[[0-9a-f:]+\]):[0-9]+)`)
	listenerPattern = regexp.MustCompile(`"protocol":"([^"]+)","listener":"([^"]+)"`)
	colourPattern   = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

func newLogPipe(r io.Reader) *logPipe {
	p := &logPipe{listeners: map[string]string{}, address: make(chan string, 1), ended: make(chan struct{})}
	go p.read(r)
	return p
}

func (p *logPipe) read(r io.Reader) {
	defer close(p.ended)
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20) // a panic's line may be long
	for s.Scan() {
		p.line(colourPattern.ReplaceAllString(s.Text(), ""))
	}
	_, _ = io.Copy(io.Discard, r) // a line beyond the buffer must not block the broker
}

func (p *logPipe) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, text)
	if len(p.lines) > keptLines {
		p.lines = p.lines[1:]
	}
	if !strings.Contains(text, "listening") {
		return
	}
	if m := addressPattern.FindStringSubmatch(text); m != nil {
		if l := listenerPattern.FindStringSubmatch(text); l != nil {
			p.listeners[l[1]+" "+l[2]] = m[1]
		}
		select {
		case p.address <- m[1]:
		default:
		}
	}
}

func (p *logPipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}
