package rosterdb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"roost/xmlstream/jid"
)

// keyFileName holds 32 random bytes in hex: the key of imported passwords that
// were not used to log in yet. It is of no use once all are derived.
const keyFileName = "account.key"

// aead opens account.key, and makes it when create is set and it is not there.
func (db *DB) aead(create bool) (cipher.AEAD, error) {
	db.keys.mu.Lock()
	defer db.keys.mu.Unlock()
	if db.keys.aead != nil {
		return db.keys.aead, nil
	}
	key := make([]byte, keySize)
	if db.o.InMemory {
		rand.Read(key)
	} else if err := db.loadKey(key, create); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	db.keys.aead, err = cipher.NewGCM(block)
	return db.keys.aead, err
}

func (db *DB) loadKey(key []byte, create bool) error {
	path := filepath.Join(db.o.Dir, keyFileName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		rand.Read(key)
		return makeKeyFile(path, key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing and holds the key of imported passwords; restore it, or import or set the passwords anew: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("key of imported passwords: %w", err)
	}
	if n, err := hex.Decode(key, []byte(strings.TrimSpace(string(text)))); err != nil || n != len(key) {
		return fmt.Errorf("%s: %w: it should hold %d hexadecimal digits; restore it from a backup", path, ErrCorrupt, 2*len(key))
	}
	return nil
}

// makeKeyFile writes the key so that it is there whole or not at all.
func makeKeyFile(path string, key []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".account-*") // mode 0600
	if err != nil {
		return asDisk(err)
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(asDisk(err), os.Remove(f.Name()))
	}
	return syncPath(filepath.Dir(path))
}

// sealPassword encrypts a password for the record of j alone.
func sealPassword(gcm cipher.AEAD, j jid.JID, password string) []byte {
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(password)+gcm.Overhead())
	rand.Read(nonce)
	return gcm.Seal(nonce, nonce, []byte(password), viewOf(j.Bare().String()))
}

func (db *DB) openPassword(j jid.JID, sealed []byte) (string, error) {
	gcm, err := db.aead(false)
	if err != nil {
		return "", err
	}
	n := gcm.NonceSize()
	if len(sealed) < n {
		return "", fmt.Errorf("account %s: %w: sealed password of %d bytes", j.Bare(), ErrCorrupt, len(sealed))
	}
	p, err := gcm.Open(nil, sealed[:n], sealed[n:], viewOf(j.Bare().String()))
	if err != nil {
		return "", fmt.Errorf("account %s: the imported password does not open with %s, was that file replaced? Restore it, or set the password anew: %w",
			j.Bare(), filepath.Join(db.name, keyFileName), err)
	}
	return string(p), nil
}
