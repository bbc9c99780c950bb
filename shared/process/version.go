package process

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// Version says in one line what the running program was built from, as the go
// command noted it: the version of its module, the revision and whether that was
// modified, and the version of Go. What was not noted is left out; no flag of the
// linker is needed.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	return describe(info)
}

func describe(info *debug.BuildInfo) string {
	parts := []string{cmp.Or(info.Main.Version, "(devel)")} // what was given as files alone has no module
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			parts = append(parts, "revision "+s.Value)
		case s.Key == "vcs.modified" && s.Value == "true":
			parts = append(parts, "modified")
		}
	}
	return strings.Join(append(parts, info.GoVersion), ", ")
}
