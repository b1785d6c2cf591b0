package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/templates"
)

// TestDeployVersions wants the version of Caddy of go.mod wherever one is named, and
// the version of xcaddy that .ci/run builds with.
func TestDeployVersions(t *testing.T) {
	files := []string{"../README.md", "../README.zh-CN.md", "../CONTRIBUTING.md", "../deploy/compose.yaml"}
	for _, pattern := range []string{"../deploy/*Dockerfile", "*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	named := regexp.MustCompile(`(?:xcaddy build v|caddy:|Caddy v)([0-9][0-9.]*[0-9])|xcaddy@(v[0-9.]*[0-9])`)
	tools := read(t, "../.ci/tools.mod")
	seen := 0
	for _, file := range files {
		for _, m := range named.FindAllStringSubmatch(read(t, file), -1) {
			seen++
			if m[1] != "" && "v"+m[1] != caddyVersion(t) {
				t.Errorf("%s: %q is not %s", file, m[0], caddyVersion(t))
			}
			if m[2] != "" && !strings.Contains(tools, "github.com/caddyserver/xcaddy "+m[2]+" ") {
				t.Errorf("%s: %q is not what .ci/tools.mod has", file, m[0])
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d versions are named", seen)
	}
}

// TestDeployDockerfiles runs the build commands of the Dockerfiles with a stand-in
// for xcaddy, and looks at what they build and where it goes.
func TestDeployDockerfiles(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "xcaddy"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	const module = "github.com/d13c7061/caddy-tim-callback"
	for file, want := range map[string]string{"Dockerfile": module + "@v1.2.3", "checkout.Dockerfile": module + "=/src"} {
		text := read(t, "../deploy/"+file)
		run := regexp.MustCompile(`(?m)^RUN (.*)$`).FindAllStringSubmatch(text, -1)
		if len(run) != 1 {
			t.Fatalf("%s runs %d commands", file, len(run))
		}
		for _, version := range []string{"v1.2.3", ""} {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", run[0][1])
			cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "VERSION=" + version}
			output, err := cmd.CombinedOutput()
			if version == "" && strings.Contains(text, "ARG VERSION") {
				if err == nil || !strings.Contains(string(output), "VERSION") {
					t.Errorf("%s without a version: %v, %s", file, err, output)
				}
			} else if got := strings.TrimSpace(string(output)); got != "build "+caddyVersion(t)+" --with "+want {
				t.Errorf("%s: %v, %s", file, err, got)
			}
		}
		// the builder's working folder is /usr/bin
		if !strings.HasSuffix(text, "COPY --from=builder /usr/bin/caddy /usr/bin/caddy\n") {
			t.Errorf("%s does not copy what it built", file)
		}
		if strings.Contains(want, "=/src") != strings.Contains(text, "COPY . /src\n") {
			t.Errorf("%s: is the checkout there?", file)
		}
	}
}

// TestDeployCompose wants the Compose file to keep what must be kept, to leave Caddy
// the time to stop, and to have the token where the configuration reads it.
func TestDeployCompose(t *testing.T) {
	// by the YAML parser that Caddy's templates have for front matter
	context := new(templates.TemplateContext)
	page, err := context.NewTemplate("compose").Parse(`{{(splitFrontMatter .).Meta | toJson}}`)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := page.Execute(&text, "---\n"+read(t, "../deploy/compose.yaml")+"---\n"); err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Build struct {
				Context string
				Args    map[string]string
			}
			Volumes, Secrets, Ports []string
			Grace                   string `json:"stop_grace_period"`
		}
		Volumes map[string]any
		Secrets map[string]struct{ File string }
	}
	if err := json.Unmarshal([]byte(text.String()), &compose); err != nil {
		t.Fatalf("%v in %s", err, text.String())
	}
	caddy := compose.Services["caddy"]
	if caddy.Build.Context != "." || !strings.HasPrefix(caddy.Build.Args["VERSION"], "${VERSION:?") {
		t.Errorf("it builds %+v", caddy.Build)
	}
	for _, volume := range []string{"./conf:/etc/caddy:ro", "data:/data", "config:/config"} {
		if !slices.Contains(caddy.Volumes, volume) {
			t.Errorf("it lacks the volume %s", volume)
		}
		if name, _, _ := strings.Cut(volume, ":"); !strings.HasPrefix(name, ".") {
			if _, declared := compose.Volumes[name]; !declared {
				t.Errorf("the volume %s is not declared", name)
			}
		}
	}
	if caddy.Grace != "15s" || !slices.Contains(caddy.Ports, "443:443") {
		t.Errorf("got %+v", caddy)
	}
	if !slices.Equal(caddy.Secrets, []string{"tim_token"}) || compose.Secrets["tim_token"].File != "./tim-token" ||
		!strings.Contains(read(t, "../deploy/conf/Caddyfile"), "{file./run/secrets/tim_token}") {
		t.Error("the configuration does not read the secret")
	}
}

// caddyUnit is the part of the unit of Caddy's packages that matters here.
const caddyUnit = `[Unit]
After=network.target network-online.target
Requires=network-online.target
[Service]
Type=notify
User=caddy
Group=caddy
ExecStart=/usr/bin/caddy run --environ --config /etc/caddy/Caddyfile
ExecReload=/usr/bin/caddy reload --config /etc/caddy/Caddyfile --force
TimeoutStopSec=5s
LimitNOFILE=1048576
PrivateTmp=true
ProtectSystem=full
AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
`

// TestDeploySystemd has systemd read the drop-ins, in the order of their names, with
// the unit that they are for.
func TestDeploySystemd(t *testing.T) {
	dropIns, err := filepath.Glob("../deploy/*.conf")
	if err != nil || len(dropIns) != 2 {
		t.Fatalf("%v: %v", dropIns, err)
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "caddy.service.d")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		// a program that is there, since Caddy is not installed
		text = strings.ReplaceAll(text, "/usr/bin/caddy ", os.Args[0]+" ")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "caddy.service"), caddyUnit)
	for _, dropIn := range dropIns {
		text := read(t, dropIn)
		if name := filepath.Base(dropIn); !strings.Contains(text, "/etc/systemd/system/caddy.service.d/"+name+"\n") {
			t.Errorf("%s does not say where it belongs", name)
		}
		if strings.Contains(text, "\nExecStart=/") && (!strings.Contains(text, "\nExecStart=\n") || strings.Contains(text, " --environ ")) {
			t.Errorf("%s: the token would be printed", dropIn)
		}
		write(filepath.Join(folder, filepath.Base(dropIn)), text)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", filepath.Join(dir, "caddy.service"))
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	output, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(output), dir) {
		t.Errorf("%v:\n%s", err, output)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
