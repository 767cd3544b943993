package rosterdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"roost/xmlstream/jid"
)

// The roster record, version 2. Numbers are uvarints unless a width is given;
// a string is its length and its bytes.
//
//	byte    2                       version of this layout
//	number  ver                     version of the roster
//	number  base                    item versions are stored as ver - base
//	number  n                       entries
//	byte    w                       2 or 4: bytes of an offset
//	n × w   offsets, little endian  end of entry i, from the start of the area
//	area    n entries, sorted by the bytes of contact
//	string  past                    see below
//	tail    to the end: kept as it is (room for what comes later)
//
// An entry:
//
//	string  contact
//	byte    flags                   see below
//	number  ver - base
//	string  name                    with flagText
//	number  groups, strings         with flagText
//	string  request, extra, extraPending   with flagMore
//
// The past, of which clients that were away are told (past.go):
//
//	number  floor - base            oldest version from which all changes are known
//	tombstones to its end, oldest first, each of
//	  string  contact
//	  number  ver - base            version of the removal
//	  number  hours since 1970      time of the removal
//
// Version 1 had no past: it is read as one that begins with ver, and becomes
// version 2 with the next change.
const (
	recordV1 = 1
	recordV2 = 2
)

const (
	flagSub     = 0x03 // Sub
	flagAsk     = 0x04
	flagIn      = 0x08
	flagApprove = 0x10
	flagListed  = 0x20
	flagText    = 0x40
	flagMore    = 0x80
)

// maxRecord bounds a stored roster in bytes: two of them fit into one
// transaction of the store.
const maxRecord = 512 << 10

// record is a view of a stored roster; nothing is decoded but the head.
type record struct {
	ver, base uint64
	floor     uint64 // oldest version from which all changes are known; 0 without a record
	n, width  int
	offsets   []byte
	area      []byte
	past      []byte // tombstones
	tail      []byte
}

var (
	errShort = errors.New("record ends early")
	errPast  = errors.New("the record's past is not of this record")
)

// parseRecord reads the head of b. The result refers to b. No bytes at all are
// the empty roster.
func parseRecord(b []byte) (record, error) {
	if len(b) == 0 {
		return record{width: 2}, nil
	}
	if b[0] != recordV1 && b[0] != recordV2 {
		return record{}, fmt.Errorf("record version %d, this program knows 1 and 2", b[0])
	}
	d := decoder{b: b[1:]}
	r := record{ver: d.number(), base: d.number()}
	n := d.number()
	r.width = int(d.byte())
	if d.err != nil {
		return record{}, d.err
	}
	if r.ver < r.base {
		return record{}, fmt.Errorf("version %d is before the first one, %d", r.ver, r.base)
	}
	if r.width != 2 && r.width != 4 {
		return record{}, fmt.Errorf("offset width %d", r.width)
	}
	if n > uint64(len(d.b)/r.width) {
		return record{}, errShort
	}
	r.n = int(n)
	r.offsets = d.take(r.n * r.width)
	end := 0
	for i := range r.n {
		if next := r.offset(i + 1); next < end || next > len(d.b) {
			return record{}, fmt.Errorf("entry %d: offsets %d to %d of %d", i, end, next, len(d.b))
		} else {
			end = next
		}
	}
	r.area = d.take(end)
	r.floor = r.ver
	if b[0] != recordV1 {
		p := decoder{b: d.bytes()}
		r.floor = r.base + p.number()
		r.past = p.b
		if d.err != nil {
			return record{}, d.err
		}
		if p.err != nil || r.floor < r.base || r.floor > r.ver {
			return record{}, errPast
		}
	}
	r.tail = d.b
	return r, nil
}

// offset is where entry i starts and entry i-1 ends.
func (r *record) offset(i int) int {
	if i == 0 {
		return 0
	}
	if r.width == 2 {
		return int(binary.LittleEndian.Uint16(r.offsets[(i-1)*2:]))
	}
	return int(binary.LittleEndian.Uint32(r.offsets[(i-1)*4:]))
}

// entry is the bytes of entry i.
func (r *record) entry(i int) []byte { return r.area[r.offset(i):r.offset(i+1)] }

// contact is the key of entry i, a view.
func (r *record) contact(i int) ([]byte, error) {
	d := decoder{b: r.entry(i)}
	c := d.bytes()
	return c, d.err
}

// find looks contact up: its index, or where it belongs.
func (r *record) find(contact string) (i int, ok bool, err error) {
	lo, hi := 0, r.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		c, err := r.contact(mid)
		if err != nil {
			return 0, false, err
		}
		switch cmp := strings.Compare(string(c), contact); {
		case cmp == 0:
			return mid, true, nil
		case cmp < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false, nil
}

// item decodes entry i.
func (r *record) item(i int) (Item, error) {
	return decodeItem(string(r.entry(i)), r.base, new([]string))
}

// flags are the flags of entry i and how many bytes of request it keeps.
func (r *record) flags(i int) (flags byte, request int, err error) {
	d := decoder{b: r.entry(i)}
	d.bytes()
	flags = d.byte()
	if flags&flagMore != 0 {
		d.number()
		if flags&flagText != 0 {
			d.bytes()
			for n := d.number(); n > 0 && d.err == nil; n-- {
				d.bytes()
			}
		}
		request = len(d.bytes())
	}
	return flags, request, d.err
}

// usage is what Limits counts.
type usage struct {
	visible, strangers int
	requests           int // bytes
}

func (r *record) usage() (u usage, err error) {
	for i := range r.n {
		flags, request, err := r.flags(i)
		if err != nil {
			return u, err
		}
		if flags&flagListed != 0 {
			u.visible++
		} else {
			u.strangers++
		}
		u.requests += request
	}
	return u, nil
}

// roster decodes all entries. The strings share one copy of the area, the
// groups one array.
func (r *record) roster() (*Roster, error) {
	out := &Roster{Ver: r.ver, base: r.base, floor: r.floor, past: string(r.past)}
	if r.n == 0 {
		return out, nil
	}
	out.Items = make([]Item, r.n)
	area := string(r.area)
	groups := make([]string, 0, r.n)
	for i := range r.n {
		it, err := decodeItem(area[r.offset(i):r.offset(i+1)], r.base, &groups)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if i > 0 && out.Items[i-1].Contact.String() >= it.Contact.String() {
			return nil, fmt.Errorf("entry %d: %s is out of order", i, it.Contact)
		}
		out.Items[i] = it
	}
	return out, nil
}

// splice writes the record anew with entry i replaced (old true) or an entry
// put before it; a nil item takes the entry out. The other entries are copied
// as they are.
func (r *record) splice(i int, old bool, it *Item) []byte {
	from, to, n := r.offset(i), r.offset(i), r.n
	if old {
		to = r.offset(i + 1)
		n--
	}
	var mid []byte
	if it != nil {
		mid = appendItem(nil, it, r.base)
		n++
	}
	ends := make([]int, 0, n)
	for k := range i {
		ends = append(ends, r.offset(k+1))
	}
	if it != nil {
		ends = append(ends, from+len(mid))
	}
	first := i
	if old {
		first++
	}
	for k := first; k < r.n; k++ {
		ends = append(ends, r.offset(k+1)-to+from+len(mid))
	}
	size := len(r.area) - (to - from) + len(mid)
	b := r.appendHead(make([]byte, 0, r.sizeWith(n, size)), ends, size)
	b = append(b, r.area[:from]...)
	b = append(b, mid...)
	b = append(b, r.area[to:]...)
	return r.appendEnd(b)
}

// sizeWith is enough for a record with n entries in so many bytes.
func (r *record) sizeWith(n, area int) int { return 64 + 4*n + area + len(r.past) + len(r.tail) }

func (r *record) appendHead(b []byte, ends []int, size int) []byte {
	b = append(b, recordV2)
	b = binary.AppendUvarint(b, r.ver)
	b = binary.AppendUvarint(b, r.base)
	b = binary.AppendUvarint(b, uint64(len(ends)))
	if size <= 0xffff {
		b = append(b, 2)
		for _, end := range ends {
			b = binary.LittleEndian.AppendUint16(b, uint16(end))
		}
		return b
	}
	b = append(b, 4)
	for _, end := range ends {
		b = binary.LittleEndian.AppendUint32(b, uint32(end))
	}
	return b
}

// appendEnd writes what stands behind the entries.
func (r *record) appendEnd(b []byte) []byte {
	var from [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(from[:], max(r.floor, r.base)-r.base)
	b = binary.AppendUvarint(b, uint64(n+len(r.past)))
	b = append(append(b, from[:n]...), r.past...)
	return append(b, r.tail...)
}

// encode writes the record anew with other entries; they are sorted, and their
// Ver is at least base.
func (r *record) encode(items []Item) []byte {
	var area []byte
	ends := make([]int, len(items))
	for i := range items {
		area = appendItem(area, &items[i], r.base)
		ends[i] = len(area)
	}
	b := r.appendHead(make([]byte, 0, r.sizeWith(len(items), len(area))), ends, len(area))
	return r.appendEnd(append(b, area...))
}

func appendItem(b []byte, it *Item, base uint64) []byte {
	flags := byte(it.Sub) & flagSub
	set := func(on bool, f byte) {
		if on {
			flags |= f
		}
	}
	set(it.Ask, flagAsk)
	set(it.PendingIn, flagIn)
	set(it.Approved, flagApprove)
	set(it.Listed, flagListed)
	set(it.Name != "" || len(it.Groups) > 0, flagText)
	set(len(it.Request)+len(it.Extra)+len(it.ExtraPending) > 0, flagMore)
	b = appendString(b, it.Contact.Bare().String())
	b = append(b, flags)
	b = binary.AppendUvarint(b, max(it.Ver, base)-base)
	if flags&flagText != 0 {
		b = appendString(b, it.Name)
		b = binary.AppendUvarint(b, uint64(len(it.Groups)))
		for _, g := range it.Groups {
			b = appendString(b, g)
		}
	}
	if flags&flagMore != 0 {
		b = appendString(b, it.Request)
		b = appendString(b, it.Extra)
		b = appendString(b, it.ExtraPending)
	}
	return b
}

// decodeItem reads one entry; the result's strings share e, its groups stand
// in slab, which it grows.
func decodeItem(e string, base uint64, slab *[]string) (Item, error) {
	d := decoder{b: viewOf(e)}
	at := 0
	str := func() string { // d.bytes as a part of e
		n := len(d.bytes())
		at = len(e) - len(d.b)
		return e[at-n : at]
	}
	contact := str()
	flags := d.byte()
	it := Item{Sub: Sub(flags & flagSub), Ask: flags&flagAsk != 0, PendingIn: flags&flagIn != 0,
		Approved: flags&flagApprove != 0, Listed: flags&flagListed != 0, Ver: base + d.number()}
	if flags&flagText != 0 && d.err == nil {
		it.Name = str()
		n := d.number()
		if n > uint64(len(d.b)) {
			return Item{}, errShort
		}
		first := len(*slab)
		for range n {
			*slab = append(*slab, str())
		}
		if n > 0 {
			it.Groups = (*slab)[first:len(*slab):len(*slab)]
		}
	}
	if flags&flagMore != 0 {
		it.Request, it.Extra, it.ExtraPending = d.owned(), d.owned(), d.owned()
	}
	if d.err != nil {
		return Item{}, d.err
	}
	if len(d.b) != 0 {
		return Item{}, fmt.Errorf("%d bytes too many in an entry", len(d.b))
	}
	var err error
	it.Contact, err = contactOf(contact)
	return it, err
}

// contactOf is the contact of an entry.
func contactOf(text string) (jid.JID, error) {
	j, err := jid.Parse(text)
	if err == nil && (j.String() != text || !j.IsBare()) {
		err = fmt.Errorf("%q is not a prepared bare JID", text)
	}
	return j, err
}

// sortItems sorts by contact and reports a contact that is there twice.
func sortItems(items []Item) error {
	slices.SortFunc(items, func(a, b Item) int {
		return strings.Compare(a.Contact.String(), b.Contact.String())
	})
	for i := 1; i < len(items); i++ {
		if items[i].Contact == items[i-1].Contact {
			return fmt.Errorf("%w: contact %s is there twice", ErrBadItem, items[i].Contact)
		}
	}
	return nil
}
