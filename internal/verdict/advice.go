package verdict

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/source"
	"github.com/layercache/layercache/internal/source/outline"
)

// orderAdvice suggests an order of steps that would have kept the cache: copy the manifests first, or move
// the copy below the steps that do not need it. It is empty unless the order cannot change what a step reads.
func (e Evidence) orderAdvice(at int, changes []source.Change) string {
	step := e.Steps[at]
	copied, ok := e.transfer(step)
	if !ok || len(changes) == 0 || slices.ContainsFunc(changes, func(change source.Change) bool { return localPackage.MatchString(change.Path) }) {
		return ""
	}
	var last progress.Step
	var kept int
	var seconds float64
	for _, later := range e.stageAfter(at) {
		if e.readsOnlyManifests(copied, later, changes) {
			return fmt.Sprintf("copy the dependency manifests first, then %s, then %s: %s of work would have stayed cached",
				outline.Short(later.Instruction), outline.Short(step.Instruction), duration(later.Seconds))
		}
		if !e.independent(copied, later) {
			break
		}
		last = later
		if later.Ran {
			kept++
			seconds += later.Seconds
		}
	}
	if kept == 0 {
		return ""
	}
	return fmt.Sprintf("move %s below %s: %s (%s) would have stayed cached", outline.Short(step.Instruction), outline.Short(last.Instruction), moreSteps(kept), duration(seconds))
}

// stageAfter returns the later steps of the same stage and platform.
func (e Evidence) stageAfter(at int) []progress.Step {
	var after []progress.Step
	for _, step := range e.Steps[at+1:] {
		if step.Stage == e.Steps[at].Stage && step.Platform == e.Steps[at].Platform {
			after = append(after, step)
		}
	}
	return after
}

// transfer is a COPY of files of the build context into a folder for applications.
type transfer struct {
	sources []string
	to      string
}

// transfer returns the COPY that the step is; ok is false if it is none. ADD may unpack its files, so it has no advice.
func (e Evidence) transfer(step progress.Step) (copied transfer, ok bool) {
	selections := source.Selections(step.Instruction)
	planned, found := e.planned(step)
	if len(selections) != 1 || !strings.HasPrefix(step.Instruction, "COPY ") || strings.Contains(step.Instruction, "<<") || !found || !isApart(planned.To) {
		return transfer{}, false
	}
	return transfer{selections[0].Sources, planned.To}, true
}

// planned returns the step in the Dockerfile.
func (e Evidence) planned(step progress.Step) (planned *outline.Step, found bool) {
	if e.Inputs.Outline == nil {
		return nil, false
	}
	place, found := e.Inputs.Outline.Locate(step.Stage, step.Index, step.Instruction)
	if !found {
		return nil, false
	}
	return e.Inputs.Outline.Step(place), true
}

// apart are folders for applications, which the tools that install system packages do not read. /etc, /usr, /var, /tmp
// or the home folder may have their configuration, keys or packages.
var apart = []string{"/app", "/src", "/srv", "/work", "/workspace", "/code", "/build", "/usr/src", "/usr/app"}

// isApart reports whether the destination is in one of the folders.
func isApart(to string) bool {
	to = path.Clean(to)
	return slices.ContainsFunc(apart, func(folder string) bool { return to == folder || strings.HasPrefix(to, folder+"/") })
}

// independent reports whether the later step is unchanged, reads nothing that the copy writes and writes nothing that
// the copy writes.
func (e Evidence) independent(copied transfer, later progress.Step) bool {
	if e.changedItself(later) {
		return false
	}
	if strings.HasPrefix(later.Instruction, "RUN ") {
		return installsPackages(later.Instruction) && e.usualVariables(later) && e.installsAsTheBase(later)
	}
	other, ok := e.transfer(later)
	return ok && !within(copied.to, other.to) && !within(other.to, copied.to)
}

// installsAsTheBase reports whether no step below the step can have changed from where packages are installed: their
// sources and keys may lie in any folder.
func (e Evidence) installsAsTheBase(step progress.Step) bool {
	for _, at := range e.below(step) {
		below := e.Steps[at]
		_, copies := e.transfer(below)
		if !below.IsFrom() && !copies && !strings.HasPrefix(below.Instruction, "WORKDIR ") && !installsPackages(below.Instruction) {
			return false
		}
	}
	return true
}

// below returns the indexes of all steps that the step needs.
func (e Evidence) below(step progress.Step) []int {
	var found []int
	queue := slices.Clone(step.Inputs)
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if !slices.Contains(found, at) {
			found = append(found, at)
			queue = append(queue, e.Steps[at].Inputs...)
		}
	}
	return found
}

// within reports whether the path is the folder or in it.
func within(name, folder string) bool {
	name, folder = path.Clean(name), path.Clean(folder)
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// changedItself reports whether the step would have had to run even with the steps above it cached.
func (e Evidence) changedItself(step progress.Step) bool {
	before := e.record()
	if before == nil || before.Inputs.Outline == nil || e.Inputs.Outline == nil {
		return true
	}
	place, found := e.Inputs.Outline.Locate(step.Stage, step.Index, step.Instruction)
	return !found || outline.Changed(before.Inputs.Outline, e.Inputs.Outline, place)
}

// unusual are variables with which a package manager reads other files, or is another program.
var unusual = regexp.MustCompile(`^(PATH|LD_.*|APT_.*|DPKG_.*|ENV|BASH_ENV|SHELL|GOFLAGS|GOWORK|GOENV|GO111MODULE|NODE_OPTIONS|(?i:npm_config_.*)|HOME|XDG_.*|ZYPP_.*|TMPDIR)$`)

// usualVariables reports whether the Dockerfile sets none of the unusual variables for the step, and no other shell.
func (e Evidence) usualVariables(step progress.Step) bool {
	planned, found := e.planned(step)
	return found && !slices.ContainsFunc(planned.Settings, func(at int) bool {
		setting := e.Inputs.Outline.Settings[at]
		return setting.Kind == outline.KindShell || unusual.MatchString(setting.Name)
	})
}

// packageCommands match the commands with which a step installs system packages by name alone: no path, no local
// package, no variable, no redirection.
var packageCommands = []*regexp.Regexp{
	regexp.MustCompile(`^(apt-get|apt)( -(y|q|qq|-yes|-assume-yes|-quiet))* update( -(y|q|qq))*$`),
	regexp.MustCompile(`^(apt-get|apt)( -(y|q|qq|-yes|-assume-yes|-quiet))* install( -(y|q|qq|-yes|-assume-yes|-quiet|-no-install-recommends))*( ` + packageName + `)+$`),
	regexp.MustCompile(`^(apt-get|apt) clean$`),
	regexp.MustCompile(`^rm -rf /var/lib/apt/lists/\*$`),
	regexp.MustCompile(`^apk( -(q|U|-quiet|-no-cache|-update-cache))* update$`),
	regexp.MustCompile(`^apk( -(q|U|-quiet|-no-cache|-update-cache))* add( -(q|U|-quiet|-no-cache|-update-cache))*( ` + packageName + `)+$`),
	regexp.MustCompile(`^(dnf|yum|microdnf)( -(y|q))* install( -(y|q|-nodocs))*( ` + packageName + `)+$`),
	regexp.MustCompile(`^(dnf|yum|microdnf) clean all$`),
}

const packageName = `[A-Za-z0-9][A-Za-z0-9+._-]*(=[A-Za-z0-9+.:~_-]+)?`

// localPackage matches the file name of a package.
var localPackage = regexp.MustCompile(`\.(deb|apk|rpm)( |$)`)

// installsPackages reports whether the RUN only installs system packages by name.
func installsPackages(instruction string) bool {
	for command := range strings.SplitSeq(strings.TrimPrefix(instruction, "RUN "), "&&") {
		command = strings.Join(strings.Fields(command), " ")
		matches := func(pattern *regexp.Regexp) bool { return pattern.MatchString(command) }
		if localPackage.MatchString(command) || !slices.ContainsFunc(packageCommands, matches) {
			return false
		}
	}
	return true
}

// manifestCommands are the commands that read only the manifests, if these are self-contained, and the manifests that
// each reads.
var manifestCommands = map[string][]string{
	"go mod download": {"go.mod", "go.sum"},
	"npm ci":          {"package.json", "package-lock.json"},
}

// readsOnlyManifests reports whether the later step installs dependencies from manifests among the copied files, reads
// no other file of the build context, and none of the manifests changed.
func (e Evidence) readsOnlyManifests(copied transfer, later progress.Step, changes []source.Change) bool {
	command, isRun := strings.CutPrefix(later.Instruction, "RUN ")
	needed, known := manifestCommands[strings.TrimSpace(command)]
	if !isRun || !known || !slices.Equal(copied.sources, []string{"."}) || e.changedItself(later) || !e.usualVariables(later) {
		return false
	}
	if slices.ContainsFunc(changes, func(change source.Change) bool { return source.IsManifest(change.Path) }) {
		return false
	}
	if _, copies := e.Inputs.Files["node_modules"]; copies {
		return false // The copy would replace what was installed before it.
	}
	return !slices.ContainsFunc(needed, func(name string) bool { return !slices.Contains(e.Inputs.Manifests, name) })
}

// argumentAdvice suggests moving ARG down when the step does not read the one build argument that changed, and no
// instruction above it does.
func (e Evidence) argumentAdvice(at int, argument string) string {
	step := e.Steps[at]
	if !strings.HasPrefix(step.Instruction, "RUN ") || !installsPackages(step.Instruction) || !e.usualVariables(step) || !stamp.MatchString(argument) || readByTools.MatchString(argument) {
		return ""
	}
	planned, _ := e.planned(step)
	if slices.ContainsFunc(planned.ReadAbove, func(at int) bool { return e.Inputs.Outline.Settings[at].Name == argument }) {
		return ""
	}
	return fmt.Sprintf("declare ARG %s below %s, which does not use it", argument, outline.Short(step.Instruction))
}

// stamp matches variables that tell a build from another. Packages may ask for any other, such as ACCEPT_EULA.
var stamp = regexp.MustCompile(`(?i)^(.*_)?(SHA1?|COMMIT|REVISION|REV|REF|BRANCH|TAG|VERSION|RELEASE|BUILD|DATE|TIME|TIMESTAMP|NUMBER|ID)(_.*)?$`)

// readByTools matches variables that package managers and their scripts read.
var readByTools = regexp.MustCompile(`(?i)^(.*proxy|DEBIAN_.*|DEBCONF_.*|LANG|LC_.*|TZ|SOURCE_DATE_EPOCH|SSL_.*|.*CERT.*)$`)

func duration(seconds float64) string { return fmt.Sprintf("%.1f s", seconds) }

func moreSteps(steps int) string {
	if steps == 1 {
		return "1 more step"
	}
	return fmt.Sprintf("%d more steps", steps)
}
