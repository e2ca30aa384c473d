package bake

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

// Privileges are what the caller of bake allows to the targets. buildx before v0.38 does not ask for them if its progress
// is rawjson. So layercache asks itself, for what v0.38.2 asks for.
//
// https://github.com/docker/buildx/blob/v0.38.2/bake/entitlements.go
type Privileges struct {
	dir    string
	lookup func(string) (string, bool)
	// allowed are the values of --allow without a path. read and write are folders and files with all links followed.
	allowed     []string
	read, write paths
	// anyPath is true if a variable switches off the questions about files and SSH.
	anyPath bool
}

// paths are folders and files, or all of them.
type paths struct {
	all    bool
	listed []string
}

// Privileges returns what --allow and --set allow in the working directory dir. lookup reads the environment.
func (a Args) Privileges(dir string, lookup func(string) (string, bool)) (Privileges, error) {
	p := Privileges{dir: dir, lookup: lookup}
	var err error
	if p.anyPath, err = allowsAnyPath(a.Remote(), lookup); err != nil {
		return p, err
	}
	read, write := []string{"."}, []string{"."}
	for _, value := range a.Values("allow") {
		switch name, path, _ := strings.Cut(value, "="); name {
		case "fs":
			read, write = append(read, path), append(write, path)
		case "fs.read":
			read = append(read, path)
		case "fs.write":
			write = append(write, path)
		default:
			p.allowed = append(p.allowed, value)
		}
	}
	for _, override := range a.Values("set") {
		key, value, _ := strings.Cut(override, "=")
		_, attribute, _ := strings.Cut(key, ".")
		attribute, _, _ = strings.Cut(attribute, ".")
		switch strings.TrimSuffix(attribute, "+") {
		case "cache-from":
			read = append(read, buildx.CachesReadFrom(value)...)
		case "cache-to":
			write = append(write, buildx.CachesWrittenTo(value)...)
		case "secret", "secrets":
			read = append(read, buildx.SecretFiles(value, func(string) bool { return true })...)
		case "ssh":
			if _, keys, found := strings.Cut(value, "="); found {
				read = append(read, strings.Split(keys, ",")...)
			}
		case "output":
			write = append(write, buildx.Destinations(value)...)
		case "entitlement", "entitlements":
			if value == "network.host" || value == "security.insecure" {
				p.allowed = append(p.allowed, value)
			}
		}
	}
	if p.read, err = p.resolve(read); err != nil {
		return p, err
	}
	p.write, err = p.resolve(write)
	return p, err
}

// allowsAnyPath reads the two variables that switch off the questions.
func allowsAnyPath(remote bool, lookup func(string) (string, bool)) (bool, error) {
	allowed := false
	for _, variable := range []struct {
		name         string
		read, allows bool
	}{{"BAKE_ALLOW_REMOTE_FS_ACCESS", remote, true}, {"BUILDX_BAKE_ENTITLEMENTS_FS", true, false}} {
		text, found := lookup(variable.name)
		if !found || !variable.read {
			continue
		}
		value, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("the variable %s is %q: set it to true or false", variable.name, text)
		}
		allowed = value == variable.allows
	}
	return allowed, nil
}

func (p Privileges) resolve(given []string) (paths, error) {
	var resolved paths
	for _, path := range given {
		if path == "*" {
			resolved.all = true
			continue
		}
		existing, rest, err := followLinks(filepath.Clean(p.absolute(path)))
		if err != nil {
			return resolved, fmt.Errorf("the path %s, which --allow or --set names: %w", path, err)
		}
		resolved.listed = append(resolved.listed, filepath.Join(existing, rest))
	}
	return resolved, nil
}

// absolute returns an absolute path. It is not cleaned, because the system follows a link before it goes up with "..".
func (p Privileges) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return p.dir + string(filepath.Separator) + path
}

// Refused returns an error with everything that the target asks for and that is not allowed; nil if there is nothing.
func (p Privileges) Refused(t Target) error {
	var problems []error
	refuse := func(format string, values ...any) {
		problems = append(problems, fmt.Errorf("target %s: %s", t.Name, fmt.Sprintf(format, values...)))
	}
	if value := t.expression(); value != "" {
		refuse("buildx would read %s as an expression: leave out ${ and %%{", value)
	}
	for _, wanted := range slices.Compact(slices.Sorted(slices.Values(t.Entitlements))) {
		if wanted != "network.host" && wanted != "security.insecure" && wanted != "device" && !strings.HasPrefix(wanted, "device=") {
			continue
		}
		if !p.allows(wanted) {
			refuse("it has the entitlement %s: allow it with --allow=%s", wanted, wanted)
		}
	}
	for _, output := range t.DeclaredOutputs() {
		if buildx.DeletesFiles(output) && !slices.Contains(p.allowed, localDelete) {
			refuse("its output deletes files: allow it with --allow=%s", localDelete)
		}
	}
	if p.anyPath {
		return errors.Join(problems...)
	}
	if t.usesAgent() && !slices.Contains(p.allowed, "ssh") {
		refuse("it uses the SSH agent: allow it with --allow=ssh")
	}
	read, write := p.read, p.write
	for _, asked := range p.files(t) {
		flag, allowed := "fs.read", &read
		if asked.written {
			flag, allowed = "fs.write", &write
		}
		path, err := p.outside(asked.path, *allowed)
		if err != nil {
			refuse("%s is %s, which cannot be checked: %v", asked.what, asked.path, err)
			continue
		}
		if path == "" {
			continue
		}
		refuse("%s is outside of the working directory (%s): allow it with --allow=%s=%s", asked.what, asked.path, flag, path)
		if resolved, err := p.resolve([]string{path}); err == nil { // What is in it needs no flag of its own.
			allowed.listed = slices.Concat(allowed.listed, resolved.listed)
		}
	}
	return errors.Join(problems...)
}

// expression returns a value that says where files are or what a step may do, and that buildx would evaluate when it reads
// what it printed; "" if there is none. buildx does not escape these values.
func (t Target) expression() string {
	values := slices.Concat([]string{t.Context, t.Dockerfile, t.Network, t.Call}, slices.Sorted(maps.Values(t.Contexts)), t.Entitlements,
		texts(t.CacheFrom), texts(t.CacheTo), texts(t.Secrets), texts(t.Outputs))
	for _, key := range t.SSH {
		values = append(values, key.flag())
	}
	for _, p := range t.Policies {
		for _, file := range p.Files {
			values = append(values, file.Filename)
		}
	}
	evaluated := func(value string) bool { return strings.Contains(value, "${") || strings.Contains(value, "%{") }
	if i := slices.IndexFunc(values, evaluated); i >= 0 {
		return values[i]
	}
	return ""
}

// localDelete allows an output to delete what is in its folder.
const localDelete = "buildx.local.delete"

// allows reports whether --allow or --set names the entitlement; device allows all devices.
func (p Privileges) allows(entitlement string) bool {
	if slices.Contains(p.allowed, entitlement) {
		return true
	}
	device, found := strings.CutPrefix(entitlement, "device=")
	if !found {
		return false
	}
	name, _, _ := strings.Cut(device, ",")
	return slices.Contains(p.allowed, "device") || slices.Contains(p.allowed, "device="+name)
}

// scpAddress matches a Git address such as git@example.com:shop.git.
//
// https://github.com/moby/buildkit/blob/v0.34.2/util/sshutil/scpurl.go
var scpAddress = regexp.MustCompile(`^[a-zA-Z0-9-_]+@[a-zA-Z0-9-.]+:`)

// usesAgent reports whether buildx gives the target the SSH agent.
func (t Target) usesAgent() bool {
	if len(t.SSH) == 0 {
		return strings.HasPrefix(t.Context, "ssh://") || scpAddress.MatchString(t.Context)
	}
	return slices.ContainsFunc(t.SSH, func(a agent) bool { return len(a.Paths) == 0 })
}

// file is a file or folder that a target reads or writes.
type file struct {
	what, path string
	written    bool
}

// files returns the files and folders that buildx would read and write for the target. An address is among them, because
// a folder of the source can have its name. If there is none, the address is a file that does not exist, which is allowed.
func (p Privileges) files(t Target) []file {
	local := func(path string) string { return strings.TrimPrefix(path, "cwd://") }
	context := cmp.Or(local(t.Context), ".")
	dockerfile, ofWorkingDirectory := strings.CutPrefix(cmp.Or(t.Dockerfile, "Dockerfile"), "cwd://")
	if !ofWorkingDirectory && !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(context, dockerfile)
	}
	asked := []file{{"its context", context, false}, {"its Dockerfile", dockerfile, false}}
	add := func(what string, written bool, found ...string) {
		for _, path := range found {
			asked = append(asked, file{what, path, written})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Contexts)) {
		place := t.Contexts[name]
		if layout, found := strings.CutPrefix(place, "oci-layout://"); found {
			add("its context "+name, false, p.layoutPaths(layout)...)
			continue
		}
		add("its context "+name, false, local(place))
	}
	for _, value := range t.OwnCacheFrom() {
		add("its local cache", false, buildx.CachesReadFrom(value)...)
	}
	for _, value := range t.OwnCacheTo() {
		add("its local cache", true, buildx.CachesWrittenTo(value)...)
	}
	isSet := func(variable string) bool {
		_, found := p.lookup(variable)
		return found
	}
	for _, secret := range texts(t.Secrets) {
		add("its secret", false, buildx.SecretFiles(secret, isSet)...)
	}
	for _, key := range t.SSH {
		add("its SSH key", false, key.Paths...)
	}
	for _, output := range t.DeclaredOutputs() {
		add("its output", true, buildx.Destinations(output)...)
	}
	return asked
}

// layoutPaths returns the folders that an image in OCI layout may be in: what follows the last "@" or ":" is a digest or a
// tag, unless the folder has such a name.
func (p Privileges) layoutPaths(place string) []string {
	var found []string
	for _, separator := range []string{"@", ":"} {
		if end := strings.LastIndex(place, separator); end >= 0 {
			if _, err := os.Lstat(p.absolute(place)); err == nil {
				found = append(found, place)
			}
			place = place[:end]
		}
	}
	return append(found, place)
}

// outside returns the path to allow if a path that a target names is not allowed, or "". buildx cleans some paths before
// it opens them, and others not, so both forms must be allowed.
func (p Privileges) outside(path string, allowed paths) (string, error) {
	if allowed.all {
		return "", nil
	}
	given := p.absolute(path)
	cleaned, rest, err := followLinks(filepath.Clean(given))
	if err != nil {
		return "", err
	}
	opened, _, err := followLinks(given)
	if err != nil {
		return "", err
	}
	for _, existing := range []string{cleaned, opened} {
		if slices.ContainsFunc(allowed.listed, func(parent string) bool { return inside(parent, existing) }) {
			continue
		}
		if existing == cleaned && rest == "" && !filepath.IsLocal(path) {
			return filepath.Clean(path), nil // As the file spells it, such as /proc/self/environ.
		}
		return existing, nil
	}
	return "", nil
}

func inside(dir, path string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}

// maxLinks is how many links buildx follows.
const maxLinks = 255

// followLinks returns the part of an absolute path that exists, with all links followed in the order in which the system
// follows them, and the rest.
func followLinks(path string) (existing, rest string, err error) {
	root := filepath.VolumeName(path) + string(filepath.Separator)
	existing, rest = root, path[len(filepath.VolumeName(path)):]
	for links := 0; ; {
		var name string
		name, rest, _ = strings.Cut(strings.TrimLeft(rest, string(filepath.Separator)), string(filepath.Separator))
		if name == "" {
			return existing, "", nil
		}
		next := filepath.Join(existing, name) // existing has no links, so ".." is its parent.
		info, err := os.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) {
			return existing, filepath.Join(name, rest), nil
		}
		if err != nil {
			return "", "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			existing = next
			continue
		}
		if links++; links > maxLinks {
			return "", "", errors.New("it has too many links")
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", "", err
		}
		if filepath.IsAbs(target) {
			existing = root
		}
		rest = target + string(filepath.Separator) + rest
	}
}
