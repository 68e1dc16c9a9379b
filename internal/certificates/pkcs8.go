package certificates

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" // OpenSSL 1 encrypted keys with it, and those are still on disks
	"crypto/pbkdf2"
	"crypto/sha1" // PBKDF2's default
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// decrypt returns a key file with its first key in the clear. One that is not encrypted comes back as it is.
func decrypt(file []byte, password string) ([]byte, error) {
	for rest := file; ; {
		block, more := pem.Decode(rest)
		if block == nil {
			return file, nil // what is wrong with it is for the reader of keys to say
		}
		//lint:ignore SA1019 the older form of encrypted keys is weak, and still in use
		legacy := x509.IsEncryptedPEMBlock(block)
		switch {
		case block.Type != "ENCRYPTED PRIVATE KEY" && !legacy:
			rest = more
			continue
		case password == "":
			return nil, errors.New("the key is encrypted: ssl_options.password is missing")
		case legacy:
			//lint:ignore SA1019 as above
			der, err := x509.DecryptPEMBlock(block, []byte(password))
			if err != nil {
				return nil, errPassword
			}
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
		}
		der, err := decryptPKCS8(block.Bytes, password)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
}

var errPassword = errors.New("the key does not open with ssl_options.password")

// PKCS #8 (RFC 5958) with PBES2 (RFC 8018): what OpenSSL writes.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ KDF, Scheme pkix.AlgorithmIdentifier }

type pbkdf2Parameters struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

var (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
	prfs      = map[string]func() hash.Hash{
		"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	}
	schemes = map[string]scheme{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
)

// scheme is a block cipher in CBC mode.
type scheme struct {
	keyBytes int
	cipher   func([]byte) (cipher.Block, error)
}

// maxIterations bounds what a file can make us compute.
const maxIterations = 10_000_000

func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var how pbes2
	var kdf pbkdf2Parameters
	var iv []byte
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, fmt.Errorf("encrypted PKCS #8: %w", err)
	}
	if got := key.Algorithm.Algorithm.String(); got != oidPBES2 {
		return nil, fmt.Errorf("the key is encrypted with %s, not PBES2: have openssl pkcs8 -topk8 -v2 aes256 write it anew", got)
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &how); err != nil {
		return nil, fmt.Errorf("PBES2: %w", err)
	}
	if got := how.KDF.Algorithm.String(); got != oidPBKDF2 {
		return nil, fmt.Errorf("the key's password goes through %s, not PBKDF2", got)
	}
	if _, err := asn1.Unmarshal(how.KDF.Parameters.FullBytes, &kdf); err != nil {
		return nil, fmt.Errorf("PBKDF2: %w", err)
	}
	prf, known := prfs[kdf.PRF.Algorithm.String()]
	with, has := schemes[how.Scheme.Algorithm.String()]
	if !known || !has || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, fmt.Errorf("the key is encrypted with %s of %s, %d times, which cannot be read here",
			how.Scheme.Algorithm, kdf.PRF.Algorithm, kdf.Iterations)
	}
	if _, err := asn1.Unmarshal(how.Scheme.Parameters.FullBytes, &iv); err != nil {
		return nil, fmt.Errorf("PBES2: %w", err)
	}
	secret, err := pbkdf2.Key(prf, password, kdf.Salt, kdf.Iterations, with.keyBytes)
	if err != nil {
		return nil, fmt.Errorf("PBKDF2: %w", err)
	}
	block, err := with.cipher(secret)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() || len(key.Data) == 0 || len(key.Data)%block.BlockSize() != 0 {
		return nil, errors.New("encrypted PKCS #8: the key is cut off")
	}
	clear := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(clear, key.Data)
	pad := int(clear[len(clear)-1])
	if pad < 1 || pad > block.BlockSize() {
		return nil, errPassword
	}
	clear = clear[:len(clear)-pad]
	if _, err := x509.ParsePKCS8PrivateKey(clear); err != nil {
		return nil, errPassword
	}
	return clear, nil
}
