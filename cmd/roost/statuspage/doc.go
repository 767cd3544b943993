// Package statuspage is the page that shows what a server does, for the person on call: numbers now,
// curves of the last hours, and who and what is in trouble. It is rendered here, curves included,
// so that it reads the same without scripts; a few lines of script replace its parts as they
// change (server-sent events). It knows nothing of the server but the Snapshots that it is given.
package statuspage
