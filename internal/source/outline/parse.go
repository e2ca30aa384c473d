package outline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/dockerfile/instructions"
	"github.com/layercache/layercache/internal/dockerfile/linter"
	"github.com/layercache/layercache/internal/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Options are the arguments of the build that change its steps.
type Options struct {
	// Args are the build arguments, Flags the values of flags that change RUN, by name.
	Args, Flags map[string]string
	// Contexts are the values of --build-context by name, Folder for a local folder.
	Contexts map[string]string
	// Target is the stage to build; empty means the last one.
	Target string
}

// Folder is the value of a build context whose place does not matter, because BuildKit compares its files.
const Folder = "folder"

// automatic are the arguments that BuildKit defines. Their values depend on the platform, which is the same in builds
// that share a cache.
//
// https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
var automatic = []string{
	"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
	"TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE",
}

// Scratch is the name of the empty base image.
const Scratch = "scratch"

// Parse returns the outline of a Dockerfile. It fails where BuildKit's own parser fails.
func Parse(content []byte, options Options) (*Outline, error) {
	parsed, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	stages, global, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	lex := shell.NewLex(parsed.EscapeToken)
	lex.SkipUnsetEnv = true // The variables of base images are not known.
	r := &reader{options: options, lex: lex, outline: &Outline{Form: Form}, contexts: map[string]int{}, seen: map[int]bool{}}
	if err := r.readGlobal(global); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(options.Flags)) {
		r.flags = append(r.flags, r.add(Setting{Kind: KindFlag, Name: name, Value: digest(options.Flags[name])}))
	}
	if value, given := options.Args["BUILDKIT_SANDBOX_HOSTNAME"]; given {
		r.flags = append(r.flags, r.add(Setting{Kind: KindBuildArg, Name: "BUILDKIT_SANDBOX_HOSTNAME", Value: digest(value)}))
	}
	for _, name := range slices.Sorted(maps.Keys(options.Contexts)) {
		r.contexts[familiar(name)] = r.add(Setting{Kind: KindFlag, Name: "build-context " + name, Value: digest(options.Contexts[name])})
	}
	for i := range stages {
		if err := r.readStage(&stages[i]); err != nil {
			return nil, err
		}
	}
	r.outline.markBuilt(options.Target)
	return r.outline, nil
}

// reader builds an outline.
type reader struct {
	options Options
	lex     *shell.Lex
	outline *Outline
	global  environment
	flags   []int
	// contexts are the settings of --build-context by name.
	contexts map[string]int
	// epoch is the setting of SOURCE_DATE_EPOCH, or empty.
	epoch []int
	// ends are the states at the end of the stages so far. triggers are the ONBUILD instructions of each.
	ends     []state
	triggers [][]string
	// seen are the settings that instructions so far have in their text.
	seen map[int]bool
}

// state is what the instructions so far have set.
type state struct {
	variables            environment
	user, workdir, shell []int // a setting, or empty
	// dir is the working directory. It is certain unless it is relative to that of the base image.
	dir     string
	certain bool
}

func (r *reader) add(s Setting) int {
	r.outline.Settings = append(r.outline.Settings, s)
	return len(r.outline.Settings) - 1
}

// readGlobal reads the ARGs before the first FROM.
func (r *reader) readGlobal(commands []instructions.ArgCommand) error {
	for _, name := range automatic {
		value, given := r.options.Args[name]
		if !given {
			value = "<" + name + ">"
		}
		r.global.set(name, value, r.add(Setting{Kind: KindArg, Name: name, Value: digest(value), Given: given}))
	}
	for _, command := range commands {
		for _, arg := range command.Args {
			if err := r.declare(&r.global, arg, false); err != nil {
				return err
			}
		}
	}
	epoch, given := r.options.Args["SOURCE_DATE_EPOCH"]
	if !given {
		epoch, given = r.global.Get("SOURCE_DATE_EPOCH")
	}
	if given {
		r.epoch = []int{r.add(Setting{Kind: KindBuildArg, Name: "SOURCE_DATE_EPOCH", Value: digest(epoch)})}
	}
	return nil
}

// unseen are arguments that BuildKit reads itself and that no step sees.
//
// https://docs.docker.com/build/metadata/attestations/sbom/#arguments
var unseen = []string{"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"}

// declare adds an ARG to the environment. An ARG of a stage without a value takes that of the global one.
func (r *reader) declare(to *environment, arg instructions.KeyValuePairOptional, inStage bool) error {
	value, given := r.options.Args[arg.Key]
	setting := Setting{Kind: KindArg, Name: arg.Key, Given: given}
	switch {
	case slices.Contains(unseen, arg.Key):
		return nil
	case given:
	case arg.Value != nil:
		expanded, uses, err := r.expand(r.lex, *arg.Value, to)
		if err != nil {
			return err
		}
		value, setting.Uses, setting.Written = expanded, uses, digest(*arg.Value)
	default:
		inherited := r.global.find(arg.Key)
		if !inStage || inherited == nil {
			return nil
		}
		to.set(arg.Key, inherited.value, inherited.setting)
		return nil
	}
	setting.Value = digest(value)
	to.set(arg.Key, value, r.add(setting))
	return nil
}

// expand replaces the variables in the word, and returns the settings of those that it has.
func (r *reader) expand(lex *shell.Lex, word string, variables *environment) (expanded string, uses []int, err error) {
	result, err := lex.ProcessWordWithMatches(word, variables)
	if err != nil {
		return "", nil, err
	}
	for name := range result.Matched {
		if v := variables.find(name); v != nil && !slices.Contains(uses, v.setting) {
			uses = append(uses, v.setting)
			r.seen[v.setting] = true
		}
	}
	slices.Sort(uses)
	return result.Result, uses, nil
}

func (r *reader) readStage(from *instructions.Stage) error {
	base, _, err := r.expand(r.lex, from.BaseName, &r.global)
	if err != nil {
		return err
	}
	stage := Stage{Name: from.Name, Parent: r.stageNamed(base)}
	current := state{dir: "/"}
	var onBuild []string
	commands := from.Commands
	switch {
	case from.Name != "" && r.isContext(from.Name):
		stage.Context, stage.Parent, commands = from.Name, -1, nil
	case stage.Parent >= 0:
		current = r.ends[stage.Parent].clone()
		onBuild = r.triggers[stage.Parent]
	case r.isContext(base):
		stage.Context = base
	}
	if stage.Parent < 0 {
		stage.Base = base
	}
	if stage.Context != "" {
		stage.Base += " " + r.outline.Settings[r.contexts[familiar(stage.Context)]].Value
	}
	index := 1
	if stage.Parent < 0 && base != Scratch && stage.Context == "" {
		index = 2 // FROM is the first step.
	}
	var triggers []string
	inherited, err := parseTriggers(onBuild)
	if err != nil {
		return err
	}
	for i, command := range append(inherited, commands...) {
		if trigger, ok := command.(*instructions.OnbuildCommand); ok {
			triggers = append(triggers, trigger.Expression)
			continue
		}
		step, err := r.read(&current, command)
		if err != nil {
			return err
		}
		if step == nil {
			continue
		}
		step.Index, step.OnBuild = index, i < len(inherited)
		index++
		stage.Steps = append(stage.Steps, *step)
	}
	r.outline.Stages = append(r.outline.Stages, stage)
	r.ends = append(r.ends, current)
	r.triggers = append(r.triggers, triggers)
	return nil
}

// parseTriggers parses the ONBUILD instructions of another stage of the same Dockerfile.
func parseTriggers(expressions []string) ([]instructions.Command, error) {
	var commands []instructions.Command
	for _, expression := range expressions {
		parsed, err := parser.Parse(strings.NewReader(expression))
		if err != nil {
			return nil, err
		}
		for _, node := range parsed.AST.Children {
			command, err := instructions.ParseCommand(node)
			if err != nil {
				return nil, err
			}
			commands = append(commands, command)
		}
	}
	return commands, nil
}

// stageNamed returns the index of the last stage so far with the name, or -1.
func (r *reader) stageNamed(name string) int {
	for i := len(r.outline.Stages) - 1; i >= 0; i-- {
		if own := r.outline.Stages[i].Name; own != "" && strings.EqualFold(own, name) {
			return i
		}
	}
	return -1
}

// read applies an instruction to the state. It returns nil for an instruction that is not a step.
func (r *reader) read(s *state, command instructions.Command) (*Step, error) {
	step, err := r.expandCommand(s, command)
	if err != nil {
		return nil, err
	}
	switch c := command.(type) {
	case *instructions.ArgCommand:
		for _, arg := range c.Args {
			if err := r.declare(&s.variables, arg, true); err != nil {
				return nil, err
			}
		}
	case *instructions.UserCommand:
		s.user = []int{r.add(Setting{Kind: KindUser, Value: digest(c.User), Uses: step.Settings})}
	case *instructions.ShellCommand:
		s.shell = []int{r.add(Setting{Kind: KindShell, Value: digest(c.Shell...)})}
	case *instructions.WorkdirCommand:
		return r.readWorkdir(s, step, c), nil
	case *instructions.RunCommand:
		return r.readRun(s, step, c), nil
	case *instructions.CopyCommand:
		r.readTransfer(s, step, c.SourcesAndDest)
		step.Link = c.Link && c.Chmod == ""
		if c.From != "" {
			r.takesFrom(step, c.From, Selection{Sources: c.SourcePaths, Exclude: c.ExcludePatterns, Parents: c.Parents})
		} else if len(c.SourcePaths) > 0 {
			step.Selections = []Selection{{Sources: c.SourcePaths, Exclude: c.ExcludePatterns, Parents: c.Parents}}
		}
		return step, nil
	case *instructions.AddCommand:
		r.readTransfer(s, step, c.SourcesAndDest)
		step.Link = c.Link && c.Chmod == ""
		local := slices.DeleteFunc(slices.Clone(c.SourcePaths), isRemote)
		step.Remote = len(local) < len(c.SourcePaths)
		if len(local) > 0 {
			step.Selections = []Selection{{Sources: local, Exclude: c.ExcludePatterns}}
		}
		return step, nil
	}
	return nil, nil
}

// isRemote reports whether ADD downloads the source: a URL or a Git repository.
func isRemote(source string) bool {
	return strings.Contains(source, "://") || strings.HasPrefix(source, "git@")
}

// expandCommand replaces the variables in the instruction, and applies ENV to the state. The step that it returns has
// the text and the settings that were replaced.
func (r *reader) expandCommand(s *state, command instructions.Command) (*Step, error) {
	var uses []int
	expander := func(lex *shell.Lex) instructions.SingleWordExpander {
		return func(word string) (string, error) {
			expanded, used, err := r.expand(lex, word, &s.variables)
			for _, setting := range used {
				if !slices.Contains(uses, setting) {
					uses = append(uses, setting)
				}
			}
			return expanded, err
		}
	}
	step := &Step{Keyword: strings.ToUpper(command.Name())}
	if text, ok := command.(fmt.Stringer); ok {
		step.Written = r.written(step.Keyword, text.String())
		step.Text = r.shown(s, step.Keyword, text.String())
	}
	if env, ok := command.(*instructions.EnvCommand); ok {
		return step, r.readEnv(s, env)
	}
	if _, isArg := command.(*instructions.ArgCommand); isArg {
		return step, nil
	}
	if c, ok := command.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(expander(r.lex)); err != nil {
			return nil, err
		}
	}
	step.Documents = documents(command)
	if c, ok := command.(instructions.SupportsSingleWordExpansionRaw); ok {
		lex := shell.NewLex('\\')
		lex.SkipProcessQuotes, lex.SkipUnsetEnv = true, true
		if err := c.ExpandRaw(expander(lex)); err != nil {
			return nil, err
		}
	}
	slices.Sort(uses)
	step.Settings = uses
	return step, nil
}

// readEnv applies ENV. All values of one ENV are expanded before the first is set.
func (r *reader) readEnv(s *state, command *instructions.EnvCommand) error {
	type definition struct {
		name, value string
		setting     int
	}
	var all []definition
	for _, pair := range command.Env {
		name, _, err := r.expand(r.lex, pair.Key, &s.variables)
		if err != nil {
			return err
		}
		value, uses, err := r.expand(r.lex, pair.Value, &s.variables)
		if err != nil {
			return err
		}
		setting := r.add(Setting{Kind: KindEnv, Name: name, Value: digest(value), Written: digest(pair.Value), Uses: uses})
		all = append(all, definition{name, value, setting})
	}
	for _, d := range all {
		s.variables.set(d.name, d.value, d.setting)
	}
	return nil
}

// documents returns the here-documents of an instruction before variables in them are replaced.
func documents(command instructions.Command) []Document {
	var found []Document
	add := func(name, data string) { found = append(found, Document{Name: name, Digest: digest(data)}) }
	switch c := command.(type) {
	case *instructions.RunCommand:
		for _, file := range c.Files {
			add(file.Name, file.Data)
		}
	case *instructions.CopyCommand:
		for _, content := range c.SourceContents {
			add(content.Path, content.Data)
		}
	case *instructions.AddCommand:
		for _, content := range c.SourceContents {
			add(content.Path, content.Data)
		}
	}
	return found
}

func (r *reader) readWorkdir(s *state, step *Step, c *instructions.WorkdirCommand) *Step {
	s.dir = path.Join("/", s.dir, c.Path)
	if path.IsAbs(c.Path) {
		s.dir, s.certain = path.Clean(c.Path), true
	}
	s.workdir = []int{r.add(Setting{Kind: KindWorkdir, Value: digest(s.dir), Uses: step.Settings})}
	if s.dir == "/" {
		return nil // BuildKit has nothing to do.
	}
	step.Settings = slices.Concat(step.Settings, s.user, r.epoch)
	if !path.IsAbs(c.Path) {
		step.Settings = append(step.Settings, s.workdir...)
	}
	return step
}

func (r *reader) readRun(s *state, step *Step, c *instructions.RunCommand) *Step {
	expanded := step.Settings
	step.Settings = nil
	for _, v := range s.variables {
		step.Settings = append(step.Settings, v.setting)
	}
	for _, setting := range expanded {
		if !slices.Contains(step.Settings, setting) {
			step.Settings = append(step.Settings, setting)
		}
	}
	step.Settings = slices.Concat(step.Settings, s.user, s.workdir, r.runFlags(c))
	if c.PrependShell {
		step.Settings = append(step.Settings, s.shell...)
	}
	step.ReadAbove = slices.DeleteFunc(slices.Clone(step.Settings), func(at int) bool { return !r.seen[at] })
	for _, mount := range instructions.GetMounts(c) {
		switch {
		case mount.Type != instructions.MountTypeBind && mount.Type != instructions.MountTypeCache:
		case mount.From != "":
			r.takesFrom(step, mount.From, Selection{Sources: []string{path.Join("/", mount.Source)}, Literal: true})
		case mount.Type == instructions.MountTypeBind:
			step.Selections = append(step.Selections, Selection{Sources: []string{path.Join("/", mount.Source)}, Literal: true})
		}
	}
	return step
}

// runFlags returns the flags of the build that count for the command. Its own --network replaces that of the build.
func (r *reader) runFlags(c *instructions.RunCommand) []int {
	return slices.DeleteFunc(slices.Clone(r.flags), func(at int) bool {
		return r.outline.Settings[at].Name == "network" && instructions.GetNetwork(c) != instructions.NetworkDefault
	})
}

// readTransfer adds what COPY and ADD depend on besides their text: the working directory for a relative
// destination.
func (r *reader) readTransfer(s *state, step *Step, c instructions.SourcesAndDest) {
	switch {
	case path.IsAbs(c.DestPath):
		step.To = path.Clean(c.DestPath)
		return
	case s.certain:
		step.To = path.Join(s.dir, c.DestPath)
	}
	step.Settings = append(step.Settings, s.workdir...)
}

func (r *reader) isContext(name string) bool {
	_, given := r.contexts[familiar(name)]
	return given
}

// familiar returns the short form of an image's name, by which BuildKit looks for a build context.
func familiar(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	return strings.TrimSuffix(name, ":latest")
}

// contextFrom reports whether --from or from= names a build context, which also replaces a stage of that name.
func (r *reader) contextFrom(from string) bool {
	at := r.stageNamed(from)
	return at >= 0 && r.outline.Stages[at].Context == from || at < 0 && r.isContext(from)
}

// stageFrom returns the index of the stage that --from or from= names, or -1.
func (r *reader) stageFrom(from string) int {
	if r.contextFrom(from) {
		return -1
	}
	if at := r.stageNamed(from); at >= 0 {
		return at
	}
	if at, err := strconv.Atoi(from); err == nil && at >= 0 && at < len(r.outline.Stages) {
		return at
	}
	return -1
}

// takesFrom adds the stage, context or image that --from or from= names, and for a context the selection of files.
func (r *reader) takesFrom(step *Step, from string, selection Selection) {
	at := r.stageFrom(from)
	switch {
	case r.contextFrom(from):
		selection.Context = from
		step.Settings = append(step.Settings, r.contexts[familiar(from)])
		step.Selections = append(step.Selections, selection)
	case at >= 0:
		step.From = append(step.From, at)
	case from != Scratch:
		step.Images = append(step.Images, from)
	}
}

// shown returns the beginning of the text as BuildKit's progress shows it.
func (r *reader) shown(s *state, keyword, text string) string {
	lex := *r.lex
	if keyword == "RUN" {
		lex.RawQuotes, lex.RawEscapes = true, true
	}
	if expanded, _, err := lex.ProcessWord(text, &s.variables); err == nil {
		text = expanded
	}
	if _, rest, found := strings.Cut(text, " "); found {
		text = keyword + " " + rest
	}
	return cut(text)
}

// Last returns the stage that is built for the target, and the stages that it starts from, by index. An empty target means
// the last stage. It returns nil if there is no such stage.
func (o *Outline) Last(target string) []int {
	var stages []int
	for at := o.stageOf(target); at >= 0; at = o.Stages[at].Parent {
		stages = append(stages, at)
	}
	return stages
}

// markBuilt marks the stages that the target needs.
func (o *Outline) markBuilt(target string) {
	if at := o.stageOf(target); at >= 0 {
		o.mark(at)
	}
}

// stageOf returns the index of the target's stage, or -1.
func (o *Outline) stageOf(target string) int {
	if target == "" {
		return len(o.Stages) - 1
	}
	at := slices.IndexFunc(o.Stages, func(s Stage) bool { return s.Name != "" && strings.EqualFold(s.Name, target) })
	if number, err := strconv.Atoi(target); at < 0 && err == nil && number >= 0 && number < len(o.Stages) {
		return number
	}
	return at
}

func (o *Outline) mark(at int) {
	stage := &o.Stages[at]
	if stage.Built {
		return
	}
	stage.Built = true
	if stage.Parent >= 0 {
		o.mark(stage.Parent)
	}
	for _, step := range stage.Steps {
		for _, from := range step.From {
			o.mark(from)
		}
	}
}

// environment is the variables that are set, in the order in which BuildKit passes them to a command.
type environment []variable

type variable struct {
	name, value string
	setting     int
}

// set sets a variable, which becomes the last one.
func (e *environment) set(name, value string, setting int) {
	*e = slices.DeleteFunc(slices.Clone(*e), func(v variable) bool { return v.name == name })
	*e = append(*e, variable{name, value, setting})
}

func (e *environment) find(name string) *variable {
	for i := range *e {
		if (*e)[i].name == name {
			return &(*e)[i]
		}
	}
	return nil
}

// Get and Keys make environment a shell.EnvGetter.
func (e *environment) Get(name string) (string, bool) {
	if v := e.find(name); v != nil {
		return v.value, true
	}
	return "", false
}

func (e *environment) Keys() []string {
	var names []string
	for _, v := range *e {
		names = append(names, v.name)
	}
	return names
}

func (s state) clone() state {
	s.variables = slices.Clone(s.variables)
	return s
}

// digest returns a short digest of the texts.
func digest(texts ...string) string {
	hash := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(hash, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(hash.Sum(nil)[:6])
}
