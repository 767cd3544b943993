// Package page draws results as web pages that are one file each: no asset, no library, pictures as SVG drawn here, their
// labels as text beside them, so that a page can be read on a phone, in the dark, without scripts and by a screen reader.
package page
