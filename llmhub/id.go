package llmhub

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// ID names a request and its answer: a version 7 UUID (RFC 9562), so that ids
// sort by the time they were made. The zero ID means none.
type ID [16]byte

// NewID makes an ID for a request that starts at now.
func NewID(now time.Time) ID {
	var id ID
	rand.Read(id[6:]) // never fails (crypto/rand)
	binary.BigEndian.PutUint32(id[:4], uint32(now.UnixMilli()>>16))
	binary.BigEndian.PutUint16(id[4:6], uint16(now.UnixMilli()))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// String is the canonical form, xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
