// Package auth says who a client is.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"slices"
)

// Users are the accounts of a broker, with passwords as RabbitMQ keeps them: a salt of 4 bytes and the SHA-256 of salt and
// password (RabbitMQ, passwords guide).
type Users struct {
	accounts map[string]account
	// loopback are users that may only come from this machine (contract P-08).
	loopback []string
}

type account struct {
	salt [4]byte
	hash [sha256.Size]byte
}

// NewUsers returns accounts with one user. loopback names those that may only connect from this machine.
func NewUsers(name, password string, loopback []string) *Users {
	u := &Users{accounts: map[string]account{}, loopback: loopback}
	var a account
	_, _ = rand.Read(a.salt[:]) // it never fails: crypto/rand ends the process first
	a.hash = hash(a.salt, password)
	u.accounts[name] = a
	return u
}

func hash(salt [4]byte, password string) [sha256.Size]byte {
	return sha256.Sum256(append(salt[:], password...))
}

// Refusal is why a login was refused, for the log: the client is told no reason. Empty when it was not.
type Refusal string

// Authenticate checks a login. A blank password is always refused (contract P-06).
func (u *Users) Authenticate(name, password string, from net.Addr) Refusal {
	a, known := u.accounts[name]
	got := hash(a.salt, password)
	if !known || password == "" || subtle.ConstantTimeCompare(got[:], a.hash[:]) != 1 {
		return Refusal("user '" + name + "' - invalid credentials")
	}
	return u.reach(name, from)
}

// Admit checks a login whose user something else has proved: a certificate.
func (u *Users) Admit(name string, from net.Addr) Refusal {
	if _, known := u.accounts[name]; !known {
		return Refusal("user '" + name + "' - invalid credentials")
	}
	return u.reach(name, from)
}

// reach is contract P-08: some users may come from this machine only.
func (u *Users) reach(name string, from net.Addr) Refusal {
	if tcp, ok := from.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && slices.Contains(u.loopback, name) {
		return Refusal("user '" + name + "' can only connect via localhost")
	}
	return ""
}
