package exchange

import (
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"warren/protocol"
)

// topicTable routes by patterns over words separated by dots: '*' stands for one word, '#' for any number of them, none
// included (AMQP 0-9-1, 3.1.3.3; contract X-05). An empty word is a word, but the empty key
// has none.
type topicTable struct{ root *topicNode }

// topicNode is one position in the patterns. Nodes are never changed: a new table copies the path to the change.
type topicNode struct {
	words    *iradix.Tree[*topicNode]
	star     *topicNode
	hash     *topicNode
	bindings set
}

func words(key string) []string {
	if key == "" {
		return nil
	}
	return strings.Split(key, ".")
}

// maxHashes bounds the work of one match (RabbitMQ 4.3.5).
const maxHashes = 2

func checkTopicKey(key string) *protocol.Error {
	n := 0
	for _, w := range words(key) {
		if w == "#" {
			n++
		}
	}
	if n > maxHashes {
		return protocol.PreconditionFailed("Topic binding key '%s' uses %d '#' wildcards, at most %d are allowed", key, n, maxHashes)
	}
	return nil
}

func (t topicTable) With(bindings ...Binding) Table {
	byKey(bindings, func(key string, bindings []Binding) {
		t.root = t.root.change(words(key), func(s set) set { return s.with(bindings...) })
	})
	return t
}

func (t topicTable) Without(bindings ...Binding) Table {
	byKey(bindings, func(key string, bindings []Binding) {
		t.root = t.root.change(words(key), func(s set) set { return s.without(bindings...) })
	})
	return t
}

// Each visits the bindings in the order of the trie.
func (t topicTable) Each(f func(Binding)) { t.root.each(f) }

func (n *topicNode) each(f func(Binding)) {
	if n == nil {
		return
	}
	n.bindings.each(func(b *Binding) { f(*b) })
	n.star.each(f)
	n.hash.each(f)
	if n.words == nil {
		return
	}
	for it := n.words.Root().Iterator(); ; {
		_, child, ok := it.Next()
		if !ok {
			return
		}
		child.each(f)
	}
}

func (topicTable) By() By { return ByKeys }

// change returns a copy of the node with the bindings at the end of path changed, or nil when nothing is left.
func (n *topicNode) change(path []string, f func(set) set) *topicNode {
	c := topicNode{}
	if n != nil {
		c = *n
	}
	if len(path) == 0 {
		c.bindings = f(c.bindings)
	} else {
		switch word := path[0]; word {
		case "*":
			c.star = c.star.change(path[1:], f)
		case "#":
			c.hash = c.hash.change(path[1:], f)
		default:
			c.setWord(word, c.word(word).change(path[1:], f))
		}
	}
	if c.bindings.len() == 0 && c.star == nil && c.hash == nil && c.words == nil {
		return nil
	}
	return &c
}

func (n *topicNode) word(w string) *topicNode {
	if n.words == nil {
		return nil
	}
	child, _ := n.words.Get([]byte(w))
	return child
}

func (n *topicNode) setWord(w string, child *topicNode) {
	tree := n.words
	if tree == nil {
		tree = iradix.New[*topicNode]()
	}
	if child != nil {
		tree, _, _ = tree.Insert([]byte(w), child)
	} else {
		tree, _, _ = tree.Delete([]byte(w))
	}
	n.words = tree
	if tree.Len() == 0 {
		n.words = nil
	}
}

func (t topicTable) Route(m *protocol.Message, _ uint64, visit func(Destination)) error {
	t.root.match(m.RoutingKey, m.RoutingKey != "", visit)
	return nil
}

// match follows the words of key, of which there are none when more is false.
func (n *topicNode) match(key string, more bool, visit func(Destination)) {
	if n == nil {
		return
	}
	if n.hash != nil { // '#' takes no word, or one, or two ...
		n.hash.match(key, more, visit)
		for rest, left := key, more; left; {
			_, rest, left = strings.Cut(rest, ".")
			n.hash.match(rest, left, visit)
		}
	}
	if !more {
		n.bindings.visit(visit)
		return
	}
	word, rest, left := strings.Cut(key, ".")
	if n.star != nil {
		n.star.match(rest, left, visit)
	}
	n.word(word).match(rest, left, visit)
}
