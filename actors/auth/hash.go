package auth

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// DefaultHashing is RabbitMQ's name for how passwords are hashed unless password_hashing_module says something else.
const DefaultHashing = "rabbit_password_hashing_sha256"

// Bcrypt is the name of the one algorithm that is slow on purpose. Differs: RabbitMQ has no module of that name.
const Bcrypt = "rabbit_password_hashing_bcrypt"

// saltBytes stand in front of a hash (RabbitMQ, passwords guide, "this is the algorithm").
const saltBytes = 4

// sums are RabbitMQ's algorithms. MD5 is what it had before 3.6: hashes of it are taken, and none is made.
var sums = map[string]func(salted []byte) []byte{
	DefaultHashing:                   func(b []byte) []byte { h := sha256.Sum256(b); return h[:] },
	"rabbit_password_hashing_sha512": func(b []byte) []byte { h := sha512.Sum512(b); return h[:] },
	"rabbit_password_hashing_md5":    func(b []byte) []byte { h := md5.Sum(b); return h[:] },
}

// KnownHashing says whether passwords hashed by that algorithm can be checked.
func KnownHashing(algorithm string) bool { return algorithm == Bcrypt || sums[algorithm] != nil }

// HashPassword hashes a password with a new salt. It may take long: it is for goroutines that nobody else waits for.
func HashPassword(algorithm, password string) ([]byte, error) {
	if algorithm == Bcrypt {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
		if err != nil {
			return nil, fmt.Errorf("the password cannot be hashed: %w", err)
		}
		return hash, nil
	}
	sum := sums[algorithm]
	if sum == nil {
		return nil, fmt.Errorf("there is no password hashing '%s'", algorithm)
	}
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:]) // it never fails: crypto/rand ends the process first
	return append(salt[:], sum(append(salt[:saltBytes:saltBytes], password...))...), nil
}

// Matches says whether a hash is the password's. Nothing is the password of an empty hash, and a blank password is nobody's
// (contract P-06, O-10).
func Matches(hash []byte, algorithm, password string) bool {
	if password == "" {
		return false
	}
	if algorithm == Bcrypt {
		return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	}
	sum := sums[algorithm]
	if sum == nil || len(hash) <= saltBytes {
		return false
	}
	return subtle.ConstantTimeCompare(sum(append(hash[:saltBytes:saltBytes], password...)), hash[saltBytes:]) == 1
}
