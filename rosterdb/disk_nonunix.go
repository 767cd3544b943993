//go:build !unix

package rosterdb

import "os"

// This system tells us nothing in advance.
func asDisk(err error) error     { return err }
func checkFileSize(string) error { return nil }
func checkDescriptors() error    { return nil }

func lockDir(string, bool) (unlock func(), err error) { return func() {}, nil }

const nonBlock = 0

// onDisk is the space that a file takes.
func onDisk(info os.FileInfo) int64 { return info.Size() }
