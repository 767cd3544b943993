//go:build unix && !linux

package rosterdb_test

import "errors"

func tmpfsChild(string) error      { return errors.ErrUnsupported }
func backupFullChild(string) error { return errors.ErrUnsupported }
