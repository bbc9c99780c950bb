package architecture

import (
	"slices"
	"strings"
)

// junk are the names of packages that say nothing about what is inside, so
// that everything ends up in them.
var junk = []string{
	"util", "utils", "common", "helper", "helpers", "model", "models", "type", "types", "pkg", "misc",
}

// Names finds folders with names that hold anything, and services/internal,
// which every service could import.
func Names(t *Tree) []string {
	var found []string
	seen := map[string]bool{}
	for _, f := range t.Files {
		dir := f.Dir()
		if seen[dir] {
			continue
		}
		seen[dir] = true
		for _, word := range append(strings.Split(dir, "/"), f.AST.Name.Name) {
			if slices.Contains(junk, strings.TrimSuffix(word, "_test")) {
				found = append(found, t.problem(f.AST.Package, "%q is not the name of a thing", word))
				break
			}
		}
		if within(dir, "services/internal") {
			found = append(found, t.problem(f.AST.Package, "services share nothing privately"))
		}
	}
	return found
}

// Docs finds packages without a doc comment. A package of tests alone needs one
// too; an external test package shares the one of what it tests.
func Docs(t *Tree) []string {
	documented := map[string]bool{}
	for _, f := range t.Files {
		if f.AST.Doc != nil {
			documented[f.Dir()] = true
		}
	}
	var found []string
	for _, f := range t.Files {
		if !documented[f.Dir()] {
			found = append(found, t.problem(f.AST.Package, "package %s has no doc comment", f.AST.Name.Name))
			documented[f.Dir()] = true
		}
	}
	return found
}
