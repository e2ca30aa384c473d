package outline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Identity returns a digest of everything that the result of a step depends on: its instruction, its settings and files,
// and the steps before it. Steps of two Dockerfiles with the same identity have the same result; names of stages do not
// count. known is false if some of it is not known, such as the files.
func (o *Outline) Identity(at Place) (identity string, known bool) {
	return o.identify(at, map[Place]string{})
}

// Identities returns the identities of all steps that the target may need. known is false if some are not known.
func (o *Outline) Identities() (identities []string, known bool) {
	memo := map[Place]string{}
	for i, stage := range o.Stages {
		if !stage.Built {
			continue
		}
		for k := range stage.Steps {
			identity, known := o.identify(Place{i, k}, memo)
			if !known {
				return nil, false
			}
			identities = append(identities, identity)
		}
	}
	return identities, true
}

// identified is what decides about the result of a step.
type identified struct {
	Before, Keyword, Written, Files string
	Documents                       []Document
	Settings                        []settingValue
	From, Images                    []string
}

// settingValue is what of a Setting decides about a result.
type settingValue struct{ Kind, Name, Value string }

// identify is Identity. memo has the identities that are known already.
func (o *Outline) identify(at Place, memo map[Place]string) (string, bool) {
	if identity, ok := memo[at]; ok {
		return identity, true
	}
	stage, step := o.Stages[at.Stage], o.Step(at)
	parts := identified{Keyword: step.Keyword, Written: step.Written, Files: step.Files, Documents: step.Documents, Images: step.Images}
	known := stage.Context == "" && (len(step.Selections) == 0 || step.Files != "")
	add := func(identity string, ok bool) string {
		known = known && ok
		return identity
	}
	if !step.Link {
		parts.Before = add(o.before(at, memo))
	}
	for _, from := range step.From {
		parts.From = append(parts.From, add(o.result(from, memo)))
	}
	for _, index := range step.Settings {
		setting := o.Settings[index]
		parts.Settings = append(parts.Settings, settingValue{setting.Kind, setting.Name, setting.Value})
	}
	content, err := json.Marshal(parts)
	if err != nil || !known {
		return "", false
	}
	sum := sha256.Sum256(content)
	memo[at] = hex.EncodeToString(sum[:12])
	return memo[at], true
}

// before identifies the files that a step starts with.
func (o *Outline) before(at Place, memo map[Place]string) (string, bool) {
	if at.Step > 0 {
		return o.upTo(Place{at.Stage, at.Step - 1}, memo)
	}
	stage := o.Stages[at.Stage]
	if stage.Parent >= 0 {
		return o.result(stage.Parent, memo)
	}
	return stage.Base, true
}

// result identifies the result of a stage.
func (o *Outline) result(stage int, memo map[Place]string) (string, bool) {
	if o.Stages[stage].Context != "" {
		return "", false
	}
	return o.before(Place{stage, len(o.Stages[stage].Steps)}, memo)
}

// upTo identifies the files after a step. A linked step does not depend on those before it.
func (o *Outline) upTo(at Place, memo map[Place]string) (string, bool) {
	own, known := o.identify(at, memo)
	if !known || !o.Step(at).Link {
		return own, known
	}
	below, known := o.before(at, memo)
	return below + "+" + own, known
}
