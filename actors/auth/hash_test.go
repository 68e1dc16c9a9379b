package auth

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// RabbitMQ, passwords guide ("this is the algorithm"): its own example; and what HashPassword makes is matched by its password alone.
func TestHashes(t *testing.T) {
	example, err := base64.StdEncoding.DecodeString("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR")
	if err != nil {
		t.Fatal(err)
	}
	if !Matches(example, DefaultHashing, "test12") {
		t.Error("the example of the passwords guide does not match")
	}
	for _, algorithm := range []string{DefaultHashing, "rabbit_password_hashing_sha512", "rabbit_password_hashing_md5", Bcrypt} {
		hash, err := HashPassword(algorithm, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if algorithm != Bcrypt { // which is slow on purpose, and salts by itself
			again, _ := HashPassword(algorithm, "secret")
			if bytes.Equal(hash, again) {
				t.Errorf("%s: the same hash twice: two users with one password show it", algorithm)
			}
		}
		for password, want := range map[string]bool{"secret": true, "Secret": false, "": false} {
			if got := Matches(hash, algorithm, password); got != want {
				t.Errorf("%s: %q matches: %v", algorithm, password, got)
			}
		}
		for _, other := range []string{DefaultHashing, "rabbit_password_hashing_sha512", Bcrypt, "crypt"} {
			if other != algorithm && Matches(hash, other, "secret") {
				t.Errorf("a hash of %s matches as one of %s", algorithm, other)
			}
		}
	}
	for what, hash := range map[string][]byte{"no hash": nil, "a salt alone": []byte("salt"), "half a hash": example[:20]} {
		for _, algorithm := range []string{DefaultHashing, Bcrypt} {
			if Matches(hash, algorithm, "test12") || Matches(hash, algorithm, "") {
				t.Errorf("%s matches as one of %s", what, algorithm)
			}
		}
	}
	if _, err := HashPassword("crypt", "secret"); err == nil {
		t.Error("an algorithm that there is not hashes")
	}
	if _, err := HashPassword(Bcrypt, string(make([]byte, 73))); err == nil {
		t.Error("bcrypt takes the first 72 bytes of a password for all of it")
	}
}
