// Package metrics shows what the server counts in the text format of Prometheus. table.go names
// everything that there is; the values are read when somebody asks, but for logins and times through the
// server, which are counted where they happen.
package metrics
