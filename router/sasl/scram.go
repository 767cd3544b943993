package sasl

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/xdg-go/scram"
)

// scramExchange is RFC 5802 with the hash of its row.
//
// The library's conversation wants the keys with the client's first message;
// here they are often made only when the proof is there (Salter). So the first
// message is parsed and answered here, and at the end the whole conversation is
// run by the library, with the nonce that was sent.
type scramExchange struct {
	env    *Env
	row    *row
	user   string
	nonce  func() string // server part; replaced by tests
	step   scramStep
	first  string // client-first-message
	sent   string // server-first-message
	part   string // server part of the nonce
	cb     Binding
	keys   Keys
	told   error // what the store said besides keys
	haveIt bool  // keys are there
}

type scramStep uint8

const (
	scramInitial scramStep = iota // no message yet
	scramAsked                    // empty challenge sent
	scramProof                    // server-first-message sent
	scramOver
)

// scramHash is indexed by Hash.
var scramHash = [...]scram.HashGeneratorFcn{SHA1: scram.SHA1, SHA256: scram.SHA256, SHA512: scram.SHA512}

func newScram(e *Env, r *row) Exchange {
	return &scramExchange{env: e, row: r, nonce: newNonce}
}

// newNonce has 144 random bits in printable ASCII without comma.
func newNonce() string {
	var b [18]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b[:])
}

func (x *scramExchange) User() string { return x.user }

func (x *scramExchange) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.step == scramInitial && response == nil:
		x.step = scramAsked
		return []byte{}, false, nil
	case x.step == scramInitial || x.step == scramAsked:
		x.step = scramProof
		challenge, err = x.onFirst(ctx, response)
	case x.step == scramProof:
		x.step = scramOver
		challenge, err = x.onFinal(ctx, response)
		done = err == nil
	default:
		err = over()
	}
	if err != nil {
		x.step = scramOver
		return nil, false, err
	}
	return challenge, done, nil
}

// onFirst answers the client-first-message.
func (x *scramExchange) onFirst(ctx context.Context, response []byte) ([]byte, error) {
	m, err := parseClientFirst(response)
	if err != nil {
		return nil, err
	}
	if err := x.checkBinding(m); err != nil {
		return nil, err
	}
	if x.user, err = prepUser(m.user); err != nil {
		return nil, notAuthorized(errors.Join(errAuthid, err))
	}
	if err := x.env.checkAuthzid(m.authzid, x.user); err != nil {
		return nil, err
	}
	var salt []byte
	var iterations int
	if s, ok := x.env.Store.(Salter); ok {
		salt, iterations = s.Salt(x.user, x.env.Domain, x.row.hash)
	} else {
		if err := x.lookup(ctx); err != nil {
			return nil, err
		}
		salt, iterations = x.keys.Salt, x.keys.Iterations
	}
	x.first = string(response)
	x.part = x.nonce()
	x.sent = fmt.Sprintf("r=%s%s,s=%s,i=%d", m.nonce, x.part, base64.StdEncoding.EncodeToString(salt), iterations)
	return []byte(x.sent), nil
}

// checkBinding judges the gs2-cbind-flag (RFC 5802 §6) and chooses the data.
func (x *scramExchange) checkBinding(m clientFirst) error {
	switch {
	case x.row.plus && m.flag != 'p':
		return malformed("%s needs channel binding.", x.row.name)
	case !x.row.plus && m.flag == 'p':
		return malformed("%s has no channel binding.", x.row.name)
	case m.flag == 'y' && x.env.offersPlus():
		// RFC 5802 §6: the client thinks that no -PLUS was offered; somebody
		// in between took it away.
		return &Failure{Condition: NotAuthorized, Text: "Channel binding was offered, but the client did not see it.", Err: ErrBinding}
	case m.flag != 'p':
		return nil
	}
	for _, b := range x.env.Bindings {
		if b.Type == m.binding {
			x.cb = b
			return nil
		}
	}
	return &Failure{Condition: NotAuthorized, Text: "That channel binding type is not offered.", Err: ErrBinding}
}

// lookup asks the store for the keys and makes some up for who has none.
func (x *scramExchange) lookup(ctx context.Context) error {
	x.keys, x.told = x.env.Store.Scram(ctx, x.user, x.env.Domain, x.row.hash)
	if !answered(x.told) {
		return fromStore(x.told)
	}
	if x.told == nil || len(x.keys.Salt) > 0 {
		if err := x.keys.check(x.row.hash); err != nil {
			return fromStore(fmt.Errorf("%s keys of %s@%s: %w", x.row.hash, x.user, x.env.Domain, err))
		}
	} else {
		x.keys = processDecoys().Keys(x.user, x.env.Domain, x.row.hash, Iterations)
	}
	x.haveIt = true
	return nil
}

// check refuses keys that cannot be right: with an empty StoredKey every proof
// would have to fail, with a short one fewer bits decide.
func (k Keys) check(h Hash) error {
	switch {
	case len(k.Salt) == 0:
		return errors.New("no salt")
	case k.Iterations < 1:
		return fmt.Errorf("iteration count %d", k.Iterations)
	case len(k.StoredKey) != h.Size() || len(k.ServerKey) != h.Size():
		return fmt.Errorf("keys of %d and %d octets, want %d", len(k.StoredKey), len(k.ServerKey), h.Size())
	}
	return nil
}

// onFinal checks the client-final-message and returns the
// server-final-message.
func (x *scramExchange) onFinal(ctx context.Context, response []byte) ([]byte, error) {
	if err := checkClientFinal(response); err != nil {
		return nil, err
	}
	if !x.haveIt {
		if err := x.lookup(ctx); err != nil {
			return nil, err
		}
	}
	final, err := x.converse(string(response))
	if err == nil && x.told == nil {
		return []byte(final), nil
	}
	if x.keys.pay != nil {
		x.keys.pay()
	}
	if err != nil {
		return nil, notAuthorized(errors.Join(err, x.told))
	}
	return nil, fromStore(x.told)
}

// errCBData says that the client's GS2 header or channel-binding data is not what it should be
// (RFC 5802 §7, "channel-bindings-dont-match").
var errCBData = errors.New("the channel binding data is not that of this connection")

// converse runs the conversation.
func (x *scramExchange) converse(final string) (string, error) {
	server, err := scramHash[x.row.hash].NewServer(func(string) (scram.StoredCredentials, error) {
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(x.keys.Salt), Iters: x.keys.Iterations},
			StoredKey:  x.keys.StoredKey,
			ServerKey:  x.keys.ServerKey,
		}, nil
	})
	if err != nil {
		return "", err
	}
	server.WithNonceGenerator(func() string { return x.part })
	conv := server.NewConversation()
	if x.row.plus {
		conv = server.NewConversationWithChannelBindingRequired(scram.ChannelBinding{
			Type: scram.ChannelBindingType(x.cb.Type), Data: x.cb.Data,
		})
	}
	sent, err := conv.Step(x.first)
	if err != nil {
		return "", err
	}
	if sent != x.sent {
		return "", errors.New("the salt or the iteration count changed meanwhile")
	}
	out, err := conv.Step(final)
	switch {
	case out == scram.ErrChannelBindingsDontMatch: // the library's own words would log the binding data
		return "", errCBData
	case err != nil:
		return "", err
	}
	if !conv.Valid() {
		return "", errors.New("the conversation is not valid")
	}
	return out, nil
}
