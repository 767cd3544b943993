// Package routertest runs a router.Router among canned surroundings: accounts, rosters and an
// offline store in memory, streams that record. A test binds clients, sends stanzas as XML text
// the way a stream would, and reads what each client received.
package routertest
