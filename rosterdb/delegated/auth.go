package delegated

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signature is the header of a request that is signed instead of showing the token:
//
//	Roost-Signature: t=1767225600,v1=HEX
//
// t is the time in seconds since 1970, HEX the HMAC-SHA-256 with the token as key over t, the method,
// the path with its query as the server gets it, and the body, the first three each ended by a newline.
const Signature = "Roost-Signature"

// maxSkew is how far the clocks of the application and of the server may be apart. Within it a request
// can be sent again by whoever has seen it, which refreshes once more and does nothing else.
const maxSkew = 5 * time.Minute

// Bearer reports whether a request shows a token (RFC 6750 §2.1). How long that takes does not say
// how much of it is right.
func Bearer(q *http.Request, token string) bool {
	scheme, got, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	right := subtle.ConstantTimeCompare([]byte(strings.TrimLeft(got, " ")), []byte(token)) == 1
	return right && strings.EqualFold(scheme, "Bearer") // RFC 9110 §11.1
}

// admit lets a request through that shows the token of the listener, or shows or has signed with that of
// s; any when there is neither token. Others are answered. s is nil when the request names no domain
// here.
func admit(w http.ResponseWriter, q *http.Request, s *Store, listener string) bool {
	own := ""
	if s != nil {
		own = s.aimed().token
	}
	switch {
	case own == "" && listener == "", listener != "" && Bearer(q, listener), own != "" && Bearer(q, own):
		return true
	case own != "" && q.Header.Get(Signature) != "":
		err := s.signed(w, q, time.Now())
		if errors.Is(err, errSigned) {
			busy(w, err)
			return false
		}
		if err == nil {
			return true
		}
		unauthorized(w, err.Error())
		return false
	}
	unauthorized(w, "show the token: Authorization: Bearer TOKEN, where TOKEN is HTTP_Roster_Token of the domain or Auth_Token of the listener")
	return false
}

func unauthorized(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="roster_admin"`) // RFC 9110 §15.5.2
	wrong(w, http.StatusUnauthorized, message)
}

// maxSigned is how many signed bodies are read at a time; each is Options.MaxRefresh bytes at most.
const maxSigned = 4

var errSigned = fmt.Errorf("%d signed requests are being read; try again", maxSigned)

// signed checks a signature. The body is read for it, and can be read again.
func (s *Store) signed(w http.ResponseWriter, q *http.Request, now time.Time) error {
	stamp, sum, ok := parseSignature(q.Header.Get(Signature))
	if !ok {
		return fmt.Errorf("%s: write t=SECONDS,v1=HEX", Signature)
	}
	if d := now.Sub(time.Unix(stamp, 0)).Abs(); d > maxSkew {
		return fmt.Errorf("%s: the time is %v away from the server's, which is %d", Signature, d.Round(time.Second), now.Unix())
	}
	select { // who is not known yet must not make the server hold many bodies
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	default:
		return errSigned
	}
	inTime(w)
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, s.o.MaxRefresh))
	if err != nil {
		return fmt.Errorf("the body cannot be read: %w", err)
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	if !hmac.Equal(sum, Sign(s.aimed().token, stamp, q.Method, q.URL.RequestURI(), body)) {
		return fmt.Errorf("%s: the signature is not that of this request with HTTP_Roster_Token as key", Signature)
	}
	return nil
}

// Sign gives the HMAC of a request.
func Sign(token string, stamp int64, method, uri string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(token))
	fmt.Fprintf(h, "%d\n%s\n%s\n", stamp, method, uri)
	h.Write(body)
	return h.Sum(nil)
}

func parseSignature(s string) (stamp int64, sum []byte, ok bool) {
	t, v, _ := strings.Cut(s, ",")
	t, ok1 := strings.CutPrefix(strings.TrimSpace(t), "t=")
	v, ok2 := strings.CutPrefix(strings.TrimSpace(v), "v1=")
	stamp, err1 := strconv.ParseInt(t, 10, 64)
	sum, err2 := hex.DecodeString(v)
	return stamp, sum, ok1 && ok2 && err1 == nil && err2 == nil
}
