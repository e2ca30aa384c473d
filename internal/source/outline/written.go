package outline

import (
	"encoding/csv"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// stageMark stands for the name or number of a stage, which does not change what a step does: Step.From has the stage.
const stageMark = "<stage>"

// written returns the digest of what an instruction says, without here-documents. What BuildKit does not compare does
// not count: names of stages, the order of flags, and whether a list is written as JSON. Only in the shell form of RUN
// is the number of spaces significant.
func (r *reader) written(keyword, text string) string {
	flags, rest := r.writtenFlags(keyword, text[len(keyword):])
	parts := append([]string{keyword}, flags...)
	var list []string
	isList := json.Unmarshal([]byte(rest), &list) == nil
	switch {
	case keyword == "RUN" && isList:
		return digest(append(append(parts, "JSON"), list...)...)
	case keyword == "RUN":
		return digest(append(parts, onlyDocument.ReplaceAllString(rest, "<<$1"))...)
	case !isList:
		list = strings.Fields(rest)
	}
	if isTransfer(keyword) && !slices.ContainsFunc(flags, func(flag string) bool { return flagName(flag) == "--parents" }) {
		for i, source := range list[:max(0, len(list)-1)] {
			list[i] = writtenSource(source)
		}
	}
	return digest(append(parts, list...)...)
}

func isTransfer(keyword string) bool { return keyword == "COPY" || keyword == "ADD" }

// onlyDocument matches a RUN whose command is a here-document, whose name the command does not see.
var onlyDocument = regexp.MustCompile(`^<<(-?)["']?[A-Za-z0-9_.]+["']?$`)

// writtenSource returns a source of COPY or ADD as a path in the build context.
func writtenSource(source string) string {
	if isRemote(source) || strings.HasPrefix(source, "<<") {
		return source
	}
	return path.Join("/", source)
}

// writtenFlags splits the flags from the rest of an instruction, and sorts them by name.
func (r *reader) writtenFlags(keyword, text string) (flags []string, rest string) {
	rest = strings.TrimSpace(text)
	for strings.HasPrefix(rest, "--") {
		flag, others := rest, ""
		if end := strings.IndexAny(rest, " \t"); end >= 0 {
			flag, others = rest[:end], rest[end:]
		}
		name, value, _ := strings.Cut(flag, "=")
		switch {
		case name == "--mount" && keyword == "RUN":
			flag = name + "=" + r.writtenMount(value)
		case name == "--from" && r.stageFrom(value) >= 0:
			flag = name + "=" + stageMark
		}
		flags, rest = append(flags, flag), strings.TrimSpace(others)
	}
	slices.SortStableFunc(flags, func(a, b string) int { return strings.Compare(flagName(a), flagName(b)) })
	return flags, rest
}

func flagName(flag string) string {
	name, _, _ := strings.Cut(flag, "=")
	return name
}

// mountKeys are the other names of a mount's keys.
//
// https://docs.docker.com/reference/dockerfile/#run---mount
var mountKeys = map[string]string{"src": "source", "dst": "target", "destination": "target"}

// writtenMount returns the value of --mount with its fields in one order.
func (r *reader) writtenMount(value string) string {
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return value
	}
	for i, field := range fields {
		key, value, given := strings.Cut(field, "=")
		key = strings.ToLower(key)
		if other, known := mountKeys[key]; known {
			key = other
		}
		if key == "from" && r.stageFrom(value) >= 0 {
			value = stageMark
		}
		if fields[i] = key; given {
			fields[i] += "=" + value
		}
	}
	slices.Sort(fields)
	return strings.Join(slices.DeleteFunc(fields, func(field string) bool { return field == "type=bind" }), ",")
}
