// Package riakhttp serves rosters over HTTP in the way of Riak 0.14, so that programs which fill
// rosters there work here without a change.
//
//	GET, HEAD     /riak/xmpp/ann@example.org    the roster, as rosterdb.RosterJSON writes it
//	PUT, POST     /riak/xmpp/ann@example.org    replaces it whole; 204, with ?returnbody=true 200 and the roster
//	DELETE        /riak/xmpp/ann@example.org    removes it; 204
//	GET           /riak/xmpp                    properties of the bucket
//	GET           /riak/xmpp?keys=true          {"props":{…},"keys":["ann@example.org",…]}; props=false leaves the first out
//	GET           /riak/xmpp?keys=stream        {"props":{…}} and then {"keys":[…]} by the thousand
//	POST          /riak/xmpp                    many rosters, see below
//
// The bucket's name counts in any case; the key is a bare JID of a served domain, as it is or
// percent-encoded. An account need not exist when its roster is stored. Those who are on line see
// every change at once.
//
// ETag changes with every change of the roster, and only then. If-Match and If-None-Match are
// decided in the transaction of the change, so that of several writers who saw one version the
// first one wins and the others get 412. X-Riak-Vclock holds the same version; one that is sent is
// not looked at, because nothing here has siblings. There is no Last-Modified, because no times are
// kept. r, w, dw and rw are accepted and mean nothing: a change that is answered is on the disk.
//
// The published example for this interface is
//
//	curl -X POST http://127.0.0.1:8098/riak/xmpp/test@test -d \
//	 '{"test1@test": { "name": "test1", "groups": [ "mytest" ], "pending_requests": { }, \
//	 "subscription": "both" } }' -H "Content-Type: application/json"
//
// In single quotes a shell keeps the backslash and the line end of the second line, which is not
// JSON. It is accepted all the same: a backslash right before a line end (LF or CR LF) outside of a
// string is white space here. Nothing else is forgiven.
//
// # Many rosters
//
// POST /riak/xmpp with Content-Type application/x-ndjson takes lines of
// {"jid":"ann@example.org","roster":{…}} and answers while they come, a JSON object per line:
//
//	{"line":10000,"stored":10000}            all lines up to this one are stored
//	{"line":100000,"stored":100000,"done":true}
//	{"error":"…","line":812,"offset":31,"column":32,"stored":811,"from":812}
//
// The last of these is the end of a load that went wrong; with ?from=812 the same lines are sent
// again and those before it are passed over. A load whose connection broke goes on behind the last
// line that was answered; to store a line twice does no harm. ?every=N asks for an answer about
// every N lines. When the very first lines are wrong the status says so, as for a single roster.
//
// # Errors
//
// All have a body {"error":"…"}, for people; where the request's body is wrong there are offset (in
// bytes, from 0), line and column (in bytes, from 1) besides.
package riakhttp
