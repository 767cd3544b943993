// Package delegated is the roster store of a domain whose rosters belong to a web application.
//
// The application answers GET on a URL made from the user's name with one JSON object, contact →
// {name, groups, subscription, ask, approved}, of which every member may be missing; the protocol is
// that of Prosody's mod_http_roster_admin. A roster is fetched when it is first needed: when a client
// asks for it, sends its first presence, or somebody asks whether he may see the user. It stays in
// memory while the user has a session, and for a while afterwards. When it changes, the application
// says so by the requests that [Handler] serves; nothing else makes a roster change, so clients
// cannot.
//
// The application may be slow, down or wrong. One fetch goes on for a user, a bounded number for all,
// none takes longer than [Options.Timeout]; failures that may pass are tried again, and after many in
// a row the application is left alone for a while. Whoever has a roster keeps it meanwhile, and a
// roster that could not be fetched anew is fetched when the application is back. An answer that is
// wrong in one place is refused as a whole. Nothing is saved: see DESIGN.md.
package delegated
