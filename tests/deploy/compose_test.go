package deploy_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/tests/harness"
)

// composeFile is what is looked at in deploy/compose.yaml.
type composeFile struct {
	Services map[string]composeService    `yaml:"services"`
	Secrets  map[string]map[string]string `yaml:"secrets"`
	Volumes  map[string]any               `yaml:"volumes"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Build       composeBuild      `yaml:"build"`
	Entrypoint  []string          `yaml:"entrypoint"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Secrets     []string          `yaml:"secrets"`
	Volumes     []string          `yaml:"volumes"`
	DependsOn   any               `yaml:"depends_on"`
	ReadOnly    bool              `yaml:"read_only"`
}

type composeBuild struct {
	Context    string            `yaml:"context"`
	Dockerfile string            `yaml:"dockerfile"`
	Args       map[string]string `yaml:"args"`
}

func compose(t *testing.T) composeFile {
	t.Helper()
	var c composeFile
	if err := yaml.Unmarshal([]byte(read(t, "deploy/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposeRunsEveryServiceWithSettingsThatThereAre(t *testing.T) {
	c, names := compose(t), known()
	for name, s := range c.Services {
		for env, value := range s.Environment {
			if !names[env] {
				t.Errorf("%s sets %s, which no program reads", name, env)
			}
			if file, ok := strings.CutPrefix(value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, file) {
				t.Errorf("%s reads the secret %s without being given it", name, file)
			}
		}
		for _, secret := range s.Secrets {
			if want := "./secrets/" + secret; c.Secrets[secret]["file"] != want {
				t.Errorf("secret %s comes from %q, want %q", secret, c.Secrets[secret]["file"], want)
			}
		}
	}
	for _, name := range harness.Services() {
		s, ok := c.Services[name]
		if !ok {
			t.Errorf("there is no service %s", name)
			continue
		}
		want := composeBuild{Context: "..", Dockerfile: "deploy/Dockerfile", Args: map[string]string{"SERVICE": name}}
		if d := cmp.Diff(want, s.Build); d != "" || s.Image != "billhook/"+name {
			t.Errorf("%s is image %s, built:\n%s", name, s.Image, d)
		}
		if s.Environment["NATS_USER"] != name || !s.ReadOnly {
			t.Errorf("%s runs as NATS user %q, read-only %v", name, s.Environment["NATS_USER"], s.ReadOnly)
		}
	}
}

func TestSecretsAreGivenToThoseWhoNeedThem(t *testing.T) {
	c := compose(t)
	got := map[string][]string{}
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			got[secret] = append(got[secret], name)
		}
	}
	want := map[string][]string{"secret_key": {"console", "mailer", "webhook-sender"}, "nats_operator": {"nats", "setup"}}
	for _, user := range permission.Services() {
		want[passwordFile(user)] = []string{user, "nats"}
	}
	for _, users := range [...]map[string][]string{got, want} {
		for _, u := range users {
			slices.Sort(u)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(c.Secrets))); d != "" {
		t.Errorf("secrets of the file:\n%s", d)
	}
	if got := c.Services["webhook-sender"].Environment["SECRET_KEY_FILE"]; got != "/run/secrets/secret_key" {
		t.Errorf("webhook-sender reads its key from %q", got)
	}
}

func passwordFile(user string) string { return "nats_" + strings.ReplaceAll(user, "-", "_") }

// interpolation is what compose would replace before the shell sees it.
var interpolation = regexp.MustCompile(`(^|[^$])(\$\$)*\$([^$]|$)`)

// TestTheServersShellGivesItEveryPassword runs the script of the nats service
// with a server that only prints its environment.
func TestTheServersShellGivesItEveryPassword(t *testing.T) {
	nats := compose(t).Services["nats"]
	if d := cmp.Diff([]string{"/bin/sh", "-c"}, nats.Entrypoint); d != "" || len(nats.Command) != 1 {
		t.Fatalf("the server is not started by a script: %s %q", d, nats.Command)
	}
	script := nats.Command[0]
	if m := interpolation.FindString(script); m != "" {
		t.Fatalf("compose itself would replace %q in the script: write $$", m)
	}
	secrets := t.TempDir()
	var want []string
	for _, user := range everybody() {
		password := "pass word of " + user + " #1"
		if err := os.WriteFile(filepath.Join(secrets, passwordFile(user)), []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		want = append(want, permission.PasswordVariable(user)+`="`+password+`"`)
	}
	script = strings.NewReplacer("$$", "$", "/run/secrets", secrets).Replace(script)
	const start = "exec nats-server -c /etc/nats/nats-server.conf"
	if !strings.Contains(script, start) || !slices.Contains(nats.Volumes, "./nats-server.conf:/etc/nats/nats-server.conf:ro") {
		t.Fatalf("the server does not start with the shipped configuration:\n%s", script)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", strings.Replace(script, start, "exec env", 1))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "NATS_") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The store of the server must outlive its container.
func TestTheServersStoreIsAVolume(t *testing.T) {
	c := compose(t)
	if _, ok := c.Volumes["nats"]; !ok || !slices.Contains(c.Services["nats"].Volumes, "nats:"+options(t).StoreDir) {
		t.Errorf("volumes %v do not hold %s", c.Services["nats"].Volumes, options(t).StoreDir)
	}
}
