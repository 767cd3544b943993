package record

import "unsafe"

const sizeOf = unsafe.Sizeof(State{})
