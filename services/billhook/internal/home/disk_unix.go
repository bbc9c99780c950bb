//go:build unix

package home

import "syscall"

func disk(path string) (Disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return Disk{}, err
	}
	size := uint64(s.Bsize)
	return Disk{Free: uint64(s.Bavail) * size, Total: s.Blocks * size}, nil //nolint:unconvert // a signed number on some systems
}
