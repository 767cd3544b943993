// Package conf is the configuration of the server: the one table of stanzas
// and options (options.go), written in the language of package ecconf, and the
// typed, resolved result (config.go).
//
// [Load], [Parse] and [Default] look at text only, so that a configuration can
// be checked anywhere; [Config.Check] opens the files that it names. A Config
// is immutable and may be shared. Every error and warning carries the place it
// is about.
package conf
