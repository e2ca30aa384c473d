// Package outline reduces a Dockerfile to what decides whether its steps can come from a cache, and explains why a
// step of one Dockerfile has no counterpart in another. An outline has digests in place of values and files, so it
// can be kept with the cache.
package outline

import (
	"slices"
	"strconv"
	"strings"
)

// Form is the form of the digests in an outline. Outlines of different forms cannot be compared.
const Form = 2

// Outline is a Dockerfile with the build's arguments applied.
type Outline struct {
	Form   int     `json:"form"`
	Stages []Stage `json:"stages"`
	// Settings are what steps read from other instructions and from the build's arguments. Steps and settings refer
	// to them by index.
	Settings []Setting `json:"settings,omitempty"`
}

// Stage is a build stage.
type Stage struct {
	// Name is empty for a stage without a name.
	Name string `json:"name,omitempty"`
	// Base is the base image with variables replaced, or "scratch"; empty for a stage that starts from another one.
	Base string `json:"base,omitempty"`
	// Parent is the index of the stage that it starts from, -1 if there is none.
	Parent int `json:"parent"`
	// Context is the --build-context that replaces the stage or its base image; empty if none does.
	Context string `json:"context,omitempty"`
	// Built is true if the target needs the stage.
	Built bool `json:"built,omitempty"`
	// Steps are the instructions that BuildKit shows as steps.
	Steps []Step `json:"steps,omitempty"`
}

// Step is a RUN, COPY, ADD or WORKDIR.
type Step struct {
	Keyword string `json:"keyword"`
	// Index is the step's number in BuildKit's progress, unless the base image has ONBUILD instructions.
	Index int `json:"index"`
	// Text is the beginning of what BuildKit's progress shows.
	Text string `json:"text"`
	// Written is the digest of the instruction as written, without here-documents.
	Written string `json:"written"`
	// Documents are the digests of its here-documents, in order.
	Documents []Document `json:"documents,omitempty"`
	// Settings are those that its result depends on. For RUN, the order of variables matters.
	Settings []int `json:"settings,omitempty"`
	// OnBuild is true for an ONBUILD instruction of the stage that its stage starts from.
	OnBuild bool `json:"onBuild,omitempty"`
	// Link is true for COPY --link and ADD --link, which do not depend on the steps above.
	Link bool `json:"link,omitempty"`
	// From are the stages that it takes files from, Images the images.
	From   []int    `json:"from,omitempty"`
	Images []string `json:"images,omitempty"`
	// Remote is true for an ADD of a URL or a Git repository.
	Remote bool `json:"remote,omitempty"`
	// Selections are the files that it takes from build contexts.
	Selections []Selection `json:"selections,omitempty"`
	// Files is the digest of those files; empty if it is not known.
	Files string `json:"files,omitempty"`
	// To is the absolute destination of a COPY or ADD; empty if it is not known.
	To string `json:"-"`
	// ReadAbove are the settings of a RUN that another instruction above it reads.
	ReadAbove []int `json:"-"`
}

// Selection is files of the build context.
type Selection struct {
	// Sources are paths, with wildcards for COPY and ADD.
	Sources []string `json:"sources"`
	// Exclude are the patterns of --exclude. Parents is true for COPY --parents.
	Exclude []string `json:"exclude,omitempty"`
	Parents bool     `json:"parents,omitempty"`
	// Literal is true for the source of a mount, which has no wildcards.
	Literal bool `json:"literal,omitempty"`
	// Context is the name of the --build-context that has the files; empty for the main one.
	Context string `json:"context,omitempty"`
	// Links are the symlinks among the sources and where they lead. They are known once the files have been read.
	Links []string `json:"links,omitempty"`
}

// Document is a here-document.
type Document struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Setting is a variable or another value that steps read.
type Setting struct {
	// Kind is one of the constants below.
	Kind string `json:"kind"`
	// Name is the variable's or the flag's name; empty for other kinds.
	Name string `json:"name,omitempty"`
	// Value and Written are digests of its value and of the value as written in the Dockerfile.
	Value   string `json:"value"`
	Written string `json:"written,omitempty"`
	// Given is true for an ARG whose value is given with --build-arg.
	Given bool `json:"given,omitempty"`
	// Uses are the settings from which the value is made.
	Uses []int `json:"uses,omitempty"`
}

// The kinds of settings.
const (
	KindArg     = "ARG"
	KindEnv     = "ENV"
	KindUser    = "USER"
	KindWorkdir = "WORKDIR"
	KindShell   = "SHELL"
	// KindFlag is a flag of the build, such as --network.
	KindFlag = "flag"
	// KindBuildArg is a build argument that BuildKit itself reads, such as SOURCE_DATE_EPOCH.
	KindBuildArg = "build-arg"
)

func (s Setting) isVariable() bool { return s.Kind == KindArg || s.Kind == KindEnv }

// String returns the setting's name for a message.
func (s Setting) String() string {
	switch s.Kind {
	case KindFlag:
		return "--" + s.Name
	case KindBuildArg:
		return "the build argument " + s.Name
	case KindArg, KindEnv:
		return s.Kind + " " + s.Name
	}
	return s.Kind
}

// Place is a step in an outline.
type Place struct{ Stage, Step int }

// Locate returns the place of a step of BuildKit's progress: the stage's name, the step's number and the text. ok is
// false if it is not in the Dockerfile, such as an ONBUILD instruction of a base image, or if it is not certain which
// one it is.
func (o *Outline) Locate(stage string, index int, instruction string) (place Place, ok bool) {
	at := o.stageShownAs(stage)
	if at < 0 {
		return Place{}, false
	}
	instruction, onBuild := strings.CutPrefix(instruction, "ONBUILD ")
	keyword, _, _ := strings.Cut(strings.ReplaceAll(instruction, "\t", " "), " ")
	text := cut(instruction)
	var sameText, sameIndex []int
	for i, step := range o.Stages[at].Steps {
		if step.Keyword != keyword || step.OnBuild != onBuild {
			continue
		}
		if step.Text == text {
			sameText = append(sameText, i)
		}
		if step.Index == index {
			sameIndex = append(sameIndex, i)
		}
	}
	switch {
	case len(sameText) == 1:
		return Place{at, sameText[0]}, true
	case len(sameIndex) == 1 && (len(sameText) == 0 || slices.Contains(sameText, sameIndex[0])):
		return Place{at, sameIndex[0]}, true
	}
	return Place{}, false
}

// stageShownAs returns the index of the stage that BuildKit's progress calls name, or -1. It calls a stage without a
// name "stage-N", and the only stage "".
func (o *Outline) stageShownAs(name string) int {
	if name == "" && len(o.Stages) == 1 {
		return 0
	}
	for i := len(o.Stages) - 1; i >= 0 && name != ""; i-- {
		if o.Stages[i].Name == name {
			return i
		}
	}
	if number, found := strings.CutPrefix(name, "stage-"); found {
		if at, err := strconv.Atoi(number); err == nil && at < len(o.Stages) && o.Stages[at].Name == "" {
			return at
		}
	}
	return -1
}

// Step returns the step at the place.
func (o *Outline) Step(at Place) *Step { return &o.Stages[at.Stage].Steps[at.Step] }

// ContextSteps calls visit for every step of a built stage that takes files from build contexts.
func (o *Outline) ContextSteps(visit func(*Step)) {
	for i := range o.Stages {
		for k := range o.Stages[i].Steps {
			if step := &o.Stages[i].Steps[k]; o.Stages[i].Built && len(step.Selections) > 0 {
				visit(step)
			}
		}
	}
}

// FilesKnown reports whether the files of all steps that take files from build contexts have been read.
func (o *Outline) FilesKnown() bool {
	known := true
	o.ContextSteps(func(step *Step) { known = known && step.Files != "" })
	return known
}

// maxText is the number of bytes of a step's text that an outline keeps.
const maxText = 160

// cut returns the beginning of the text.
func cut(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	return strings.ToValidUTF8(text, "")
}
