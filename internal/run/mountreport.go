package run

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/layercache/layercache/internal/buildkit/progress"
	"github.com/layercache/layercache/internal/cachemount"
	"github.com/layercache/layercache/internal/report"
	"github.com/layercache/layercache/internal/variables"
)

// reportMounts returns an entry for each mount, in the order of their first use. A mount has several results if
// steps that do not share it ran at the same time, or if the builder was replaced. imports are the refs of
// the caches that were read.
func reportMounts(results []cachemount.Result, imports []string) []report.Mount {
	var mounts []report.Mount
	for _, result := range results {
		entry := reportMount(result, imports)
		same := slices.IndexFunc(mounts, func(m report.Mount) bool { return m.ID == entry.ID })
		if same < 0 {
			mounts = append(mounts, entry)
		} else {
			mounts[same] = join(mounts[same], entry)
		}
	}
	return mounts
}

func reportMount(r cachemount.Result, imports []string) report.Mount {
	m := report.Mount{
		ID: r.ID, Restored: r.Restored, Files: r.RestoredFiles, Bytes: r.RestoredBytes, DownloadedBytes: r.DownloadedBytes,
		RestoreSeconds: r.RestoreSeconds, Saved: r.Saved, NotSaved: string(r.NotSaved), UploadedBytes: r.UploadedBytes,
		EvictedBytes: r.EvictedBytes, SaveSeconds: r.SaveSeconds, Problem: r.Problem, Decision: describeDecision(r),
	}
	if r.Restored && r.From < len(imports) {
		m.From = imports[r.From]
	}
	if r.Restored && r.ReadKnown {
		m.ReadFiles, m.ReadBytes = new(r.ReadFiles), new(r.ReadBytes)
	}
	// After a failed restore, or without one, a store may have any size.
	if known := !r.RestoreFailed && r.NotSaved != cachemount.StoredIsKept; known || r.Saved {
		m.StoredBytes = new(r.StoredBytes)
	}
	return m
}

// describeDecision returns why the mount was left as it is or empty, or that it was tried again; "" if none of them.
func describeDecision(r cachemount.Result) string {
	if r.NotKept != "" {
		return "not kept: " + r.NotKept
	}
	text := r.Decision.Reason
	if text != "" && !r.Decision.Use {
		text = "left empty: " + text
	}
	if r.Dropped {
		text += "; it is no longer stored"
	}
	return text
}

// join adds the figures of another copy of the mount.
func join(m, other report.Mount) report.Mount {
	if m.From == "" {
		m.From = other.From
	}
	m.Restored = m.Restored || other.Restored
	m.Decision = cmp.Or(m.Decision, other.Decision)
	m.Files, m.Bytes, m.DownloadedBytes = m.Files+other.Files, m.Bytes+other.Bytes, m.DownloadedBytes+other.DownloadedBytes
	m.RestoreSeconds = max(m.RestoreSeconds, other.RestoreSeconds)
	if m.ReadFiles == nil {
		m.ReadFiles, m.ReadBytes = other.ReadFiles, other.ReadBytes
	} else if other.ReadFiles != nil {
		m.ReadFiles, m.ReadBytes = new(*m.ReadFiles+*other.ReadFiles), new(*m.ReadBytes+*other.ReadBytes)
	}
	// At most one copy is saved. Of several reasons, that of the copy which would have been saved counts.
	switch {
	case m.Saved || other.Saved:
		m.NotSaved = ""
	case m.NotSaved == string(cachemount.OtherCopy):
		m.NotSaved = other.NotSaved
	}
	m.Saved = m.Saved || other.Saved
	m.UploadedBytes, m.EvictedBytes = m.UploadedBytes+other.UploadedBytes, m.EvictedBytes+other.EvictedBytes
	if m.StoredBytes == nil || other.Saved {
		m.StoredBytes = other.StoredBytes
	}
	m.SaveSeconds = max(m.SaveSeconds, other.SaveSeconds)
	if other.Problem != "" && other.Problem != m.Problem {
		m.Problem = strings.TrimPrefix(m.Problem+"; "+other.Problem, "; ")
	}
	return m
}

// mountWarnings returns a warning for each problem.
func mountWarnings(results []cachemount.Result) []string {
	var warnings []string
	for _, result := range results {
		if warning := fmt.Sprintf("cache mount %s: %s", result.ID, result.Problem); result.Problem != "" && !slices.Contains(warnings, warning) {
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

// mountActivities returns the restores and the saves that moved something or failed.
func mountActivities(results []cachemount.Result, begin time.Time) []report.Activity {
	var activities []report.Activity
	add := func(kind, id string, start time.Time, seconds float64, bytes int64) {
		if !start.IsZero() && seconds > 0 {
			activities = append(activities, report.Activity{Kind: kind, Label: id, Start: max(0, start.Sub(begin).Seconds()), Seconds: seconds, Bytes: bytes})
		}
	}
	for _, r := range results {
		if r.Restored || r.RestoreFailed {
			add(report.Restore, r.ID, r.RestoreBegin, r.RestoreSeconds, r.DownloadedBytes)
		}
		if r.Saved || r.NotSaved == "" {
			add(report.Save, r.ID, r.SaveBegin, r.SaveSeconds, r.UploadedBytes)
		}
	}
	return activities
}

// whyNotKept returns why the cache mounts that the build used were not kept with the cache, and what becomes of their
// files.
func whyNotKept(s variables.Settings, on activeBuilder) string {
	why := s.WhyMountsNotKept()
	switch {
	case why != "":
	case on.kind != variables.BuilderNative:
		why = "only the native builder can keep them"
	case !slices.Equal(s.Mounts, []string{variables.MountsAuto}) && len(s.Mounts) > 0:
		why = "LAYERCACHE_MOUNTS names none of them"
	default:
		why = "the builder did not say which they are"
	}
	switch {
	case on.member != nil:
		return why + "; their files stay on the builder for later builds of this job"
	case on.isFresh():
		return why + "; their files were removed with the builder"
	}
	return fmt.Sprintf("%s; their files stay on the builder %s for as long as it exists", why, on.kind)
}

// usedCacheMount reports whether a step with a cache mount succeeded. Steps that came from a cache did not use theirs.
func usedCacheMount(steps []progress.Step) bool {
	return slices.ContainsFunc(steps, func(step progress.Step) bool {
		return step.Ran && step.Error == "" && hasCacheMount(step.Instruction)
	})
}

// hasCacheMount reports whether the instruction is a RUN with a cache mount.
func hasCacheMount(instruction string) bool { return len(cacheMounts(instruction)) > 0 }

// cacheMounts returns the options of each cache mount of a RUN, with their names in lower case.
//
// https://docs.docker.com/reference/dockerfile/#run---mount
func cacheMounts(instruction string) []map[string]string {
	name := strings.IndexFunc(instruction, unicode.IsSpace)
	if name < 0 || !strings.EqualFold(instruction[:name], "RUN") {
		return nil
	}
	var mounts []map[string]string
	for _, flag := range flagsOf(instruction[name:]) {
		text, ok := strings.CutPrefix(flag, "--mount=")
		if !ok {
			continue
		}
		fields, err := csv.NewReader(strings.NewReader(text)).Read()
		if err != nil {
			continue
		}
		options := map[string]string{}
		for _, field := range fields {
			key, value, _ := strings.Cut(field, "=")
			options[strings.ToLower(key)] = value
		}
		if strings.EqualFold(options["type"], "cache") {
			mounts = append(mounts, options)
		}
	}
	return mounts
}

// flagsOf returns the flags at the beginning of an instruction, without quotes and backslashes, as BuildKit reads them.
//
// https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/parser/split_command.go (extractBuilderFlags)
func flagsOf(text string) []string {
	var flags []string
	var word strings.Builder
	var quote rune
	escaped := false
	for _, r := range text + " " {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote != 0 || !unicode.IsSpace(r):
			word.WriteRune(r)
		case word.Len() > 0:
			if !strings.HasPrefix(word.String(), "--") || word.String() == "--" {
				return flags
			}
			flags = append(flags, word.String())
			word.Reset()
		}
	}
	return flags
}
