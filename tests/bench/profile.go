package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
)

// profile is the file for the profile of a load's run; empty for none.
func (c choice) profile(l load, run int) string {
	if c.profiles == "" {
		return ""
	}
	name := strings.NewReplacer(" ", "-", ",", "").Replace(l.name)
	return filepath.Join(c.profiles, fmt.Sprintf("%s-%d.pprof", name, run+1))
}

// profiled runs do under the processor profiler where a file is named.
func profiled(file string, do func() error) error {
	if file == "" {
		return do()
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}
