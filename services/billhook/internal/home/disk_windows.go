package home

import (
	"os"
	"syscall"
	"unsafe"
)

func disk(path string) (d Disk, err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return d, err
	}
	ask := syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")
	done, _, err := ask.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&d.Free)), uintptr(unsafe.Pointer(&d.Total)), 0)
	if done == 0 {
		return d, os.NewSyscallError("GetDiskFreeSpaceEx", err)
	}
	return d, nil
}
