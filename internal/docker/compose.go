package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/docker/real"
)

// compose builds the services of Compose files with the cache. Compose itself reads its files, and says what it would have
// buildx build, with the names of the images. If it cannot, docker answers.
func (d *docker) compose(ctx context.Context) error {
	path, err := real.Find()
	if err != nil {
		return d.withoutDocker()
	}
	definition, err := d.composeTargets(ctx, path)
	if err != nil {
		if _, unreachable := d.idsInDocker(ctx, path); unreachable == nil {
			return d.delegate(ctx, err.Error())
		}
		d.say("docker answers this call: %v", err)
		return d.execDocker(ctx, path)
	}
	if variable := definition.unsetSecret(d.LookupEnv); variable != "" {
		return d.delegate(ctx, "the variable "+variable+" of a secret is not set in the environment")
	}
	args := append([]string{"--file=-"}, d.call.Compose.Attestations...)
	for _, allowed := range definition.entitlements() {
		args = append(args, "--allow="+allowed)
	}
	if shown := d.call.Compose.Progress; shown == "json" {
		args = append(args, "--progress=rawjson")
	} else if shown != "" {
		args = append(args, "--progress="+shown)
	}
	definition.shorten()
	content, err := json.Marshal(definition)
	if err != nil {
		return err
	}
	return d.bake(ctx, Bake{Args: args, Push: d.call.Compose.Push, Stdin: bytes.NewReader(content), Files: d.call.Compose.Files})
}

// composeDefinition is the bake file that Compose prints.
type composeDefinition struct {
	Group  map[string]composeGroup   `json:"group"`
	Target map[string]map[string]any `json:"target"`
}

type composeGroup struct {
	Targets []string `json:"targets"`
}

// composeTargets asks Compose for the bake file.
//
// https://github.com/docker/compose/blob/v5.1.2/pkg/compose/build_bake.go
func (d *docker) composeTargets(ctx context.Context, path string) (composeDefinition, error) {
	var definition composeDefinition
	printed, err := askCompose(ctx, path, slices.Concat(d.call.Compose.Before, []string{"build", "--print"}, d.call.Compose.After)...)
	if err != nil {
		return definition, errors.New("docker compose build --print does not say what to build")
	}
	if json.Unmarshal(printed, &definition) != nil || len(definition.Group["default"].Targets) == 0 {
		return definition, errors.New("docker compose build --print names no service to build")
	}
	return definition, nil
}

// askCompose returns what Compose prints. No docker daemon is needed for it, and none can be reached: a Compose that cannot
// print bake files would build.
func askCompose(ctx context.Context, path string, arguments ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, path, append([]string{"compose"}, arguments...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "COMPOSE_BAKE=true", "DOCKER_HOST=unix:///dev/null/layercache")
	return cmd.Output()
}

// unsetSecret returns a variable that holds a secret and is not set, or "": Compose has it from a file of variables.
func (c composeDefinition) unsetSecret(lookup func(string) (string, bool)) string {
	for _, secret := range c.values("secret") {
		_, variable, found := strings.Cut(secret, "type=env,env=")
		if _, set := lookup(variable); found && !set {
			return variable
		}
	}
	return ""
}

// values returns the values of an attribute of all targets.
func (c composeDefinition) values(attribute string) []string {
	var values []string
	for _, target := range c.Target {
		list, _ := target[attribute].([]any)
		for _, value := range list {
			values = append(values, fmt.Sprint(value))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// entitlements returns what bake has to allow so that it builds what Docker's Compose builds, for which bake before
// version 0.38 asks nobody. Not only ssh: in a build section needs the SSH agent, but a context such as
// git@example.com:shop.git too. The builder still refuses what it does not grant.
//
// https://docs.docker.com/reference/cli/docker/buildx/bake/#allow
func (c composeDefinition) entitlements() []string {
	allowed := append([]string{"fs=*", "ssh"}, c.values("entitlements")...)
	for _, target := range c.Target {
		if target["network"] == "host" && !slices.Contains(allowed, "network.host") {
			allowed = append(allowed, "network.host")
		}
	}
	return allowed
}

// shorten makes paths below the working directory relative, as in a bake file: the record of a build must not have the
// path of its checkout, which may differ from job to job.
func (c composeDefinition) shorten() {
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	for _, target := range c.Target {
		context, _ := target["context"].(string)
		if dockerfile, ok := below(context, target["dockerfile"]); ok {
			target["dockerfile"] = dockerfile
		}
		if folder, ok := below(dir, context); ok {
			target["context"] = folder
		}
		named, _ := target["contexts"].(map[string]any)
		for name, place := range named {
			if folder, ok := below(dir, place); ok {
				named[name] = folder
			}
		}
	}
}

// below returns the path relative to the folder, if it is an absolute path below it.
func below(folder string, path any) (relative string, ok bool) {
	text, _ := path.(string)
	if !filepath.IsAbs(folder) || !filepath.IsAbs(text) {
		return "", false
	}
	relative, err := filepath.Rel(folder, text)
	return relative, err == nil && filepath.IsLocal(relative)
}
