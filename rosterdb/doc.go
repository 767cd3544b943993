// Package rosterdb keeps what the server must not forget: rosters and their
// subscription state, accounts, offline messages and small per-account
// documents (vcard-temp, private XML, last activity).
//
// The rules of presence subscription are the tables of subscription.go (RFC
// 6121 Appendix A), pure functions that know nothing about storage. Store is
// what the rest of the server uses; DB is the one implementation here, on
// Badger. storetest holds the suite that every Store must pass.
//
// Every method that changes something returns only when the change would
// survive kill -9 and a power cut; concurrent changes share one flush of the
// disk. Every method may block on the disk, so an event loop never calls one.
//
// All addresses are bare JIDs; a resource is cut off. Byte slices that are
// passed in are copied; byte slices that are returned are the caller's.
package rosterdb
