package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// instruction is a line of a Dockerfile.
type instruction struct{ name, rest string }

// stages returns the instructions of each stage of the Dockerfile.
func stages(t *testing.T) [][]instruction {
	t.Helper()
	var out [][]instruction
	for line := range strings.Lines(read(t, "deploy/Dockerfile")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			out = append(out, nil)
		}
		if len(out) == 0 {
			t.Fatalf("%s stands before the first FROM", name)
		}
		out[len(out)-1] = append(out[len(out)-1], instruction{name, rest})
	}
	if len(out) != 2 {
		t.Fatalf("%d stages, want 2", len(out))
	}
	return out
}

// all returns the rests of the instructions of a name.
func all(stage []instruction, name string) []string {
	var out []string
	for _, i := range stage {
		if i.name == name {
			out = append(out, i.rest)
		}
	}
	return out
}

func TestTheImageIsTheBinaryAndCertificates(t *testing.T) {
	image := stages(t)[1]
	if from := all(image, "FROM"); from[0] != "scratch" {
		t.Errorf("the image is made from %q", from[0])
	}
	var copied []string
	for _, c := range all(image, "COPY") {
		f := strings.Fields(c)
		if f[0] != "--from=build" {
			t.Errorf("COPY %s takes from somewhere else than the build", c)
		}
		copied = append(copied, f[len(f)-1])
	}
	for _, want := range []string{"/etc/ssl/certs/ca-certificates.crt", "/service", "/data"} {
		if !slices.Contains(copied, want) {
			t.Errorf("the image has no %s", want)
		}
	}
	if user := all(image, "USER"); len(user) != 1 || user[0] != "65534:65534" {
		t.Errorf("it runs as %q", user)
	}
	if entry := all(image, "ENTRYPOINT"); len(entry) != 1 || entry[0] != `["/service"]` {
		t.Errorf("it starts %q", entry)
	}
}

func TestTheImageIsBuiltFromWhatThereIs(t *testing.T) {
	line := buildLine(t)
	for _, p := range programs() {
		dir := strings.ReplaceAll("services/${SERVICE}/cmd/${SERVICE}", "${SERVICE}", p)
		if _, err := os.Stat(filepath.Join(root, dir, "main.go")); err != nil {
			t.Errorf("%s cannot be built: %v", p, err)
		}
		if !strings.Contains(read(t, "deploy/Dockerfile"), " "+p) {
			t.Errorf("the Dockerfile does not name %s", p)
		}
	}
	if !strings.HasPrefix(line, "CGO_ENABLED=0 go build ") || !strings.HasSuffix(line, "./services/${SERVICE}/cmd/${SERVICE}") {
		t.Errorf("unexpected build: %s", line)
	}
}

// Secrets that an operator keeps beside compose.yaml must not get into a layer.
func TestSecretsStayOutOfTheBuild(t *testing.T) {
	ignored := strings.Split(read(t, "deploy/Dockerfile.dockerignore"), "\n")
	for _, path := range []string{".git", "data", "deploy/secrets"} {
		if !slices.Contains(ignored, path) {
			t.Errorf("the build sees %s", path)
		}
	}
	if !strings.Contains(read(t, ".gitignore"), "/deploy/secrets/\n") {
		t.Error("deploy/secrets can be committed")
	}
}

// buildLine is the command that builds the binary of the image.
func buildLine(t *testing.T) string {
	t.Helper()
	runs := all(stages(t)[0], "RUN")
	i := slices.IndexFunc(runs, func(r string) bool { return strings.Contains(r, "go build") })
	if i < 0 {
		t.Fatal("the Dockerfile builds nothing")
	}
	return runs[i]
}
