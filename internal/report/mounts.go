package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/report/escape"
)

// Mount is a cache mount (RUN --mount=type=cache) that a step of the build used.
type Mount struct {
	// ID is the mount's id: that of the Dockerfile, else its target.
	ID string `json:"id"`
	// Restored is whether it was filled before its first step.
	Restored bool `json:"restored"`
	// From is the address of the cache that it was restored from. It is empty if it was not restored.
	From string `json:"from,omitempty"`
	// Files is the number of restored files, folders included.
	Files int `json:"files"`
	// Bytes is the size of the content of the restored files.
	Bytes int64 `json:"bytes"`
	// DownloadedBytes is what was downloaded for them.
	DownloadedBytes int64 `json:"downloadedBytes"`
	// RestoreSeconds is how long the restore took.
	RestoreSeconds float64 `json:"restoreSeconds"`
	// ReadFiles is the number of restored files that a step read. It is nil if not known.
	ReadFiles *int `json:"readFiles"`
	// ReadBytes is the size of these files. It is nil if not known.
	ReadBytes *int64 `json:"readBytes"`
	// Saved is whether something new was saved.
	Saved bool `json:"saved"`
	// NotSaved is why nothing was saved although nothing went wrong. It is empty otherwise.
	NotSaved string `json:"notSaved,omitempty"`
	// UploadedBytes is what was uploaded.
	UploadedBytes int64 `json:"uploadedBytes"`
	// StoredBytes is the size of the mount in the cache after the build. It is nil if not known.
	StoredBytes *int64 `json:"storedBytes"`
	// EvictedBytes is the size of the files that the limit left out.
	EvictedBytes int64 `json:"evictedBytes"`
	// SaveSeconds is how long the save took. It runs at the same time as the push of the image and the export of the cache.
	SaveSeconds float64 `json:"saveSeconds"`
	// Decision is one of three texts: why it was left empty although it could be restored, with the arithmetic; that it is
	// tried again after having been left empty; or why it cannot be kept. It is empty if the mount was used as usual.
	Decision string `json:"decision,omitempty"`
	// Problem is why it was not restored or not saved. It is empty if nothing went wrong.
	Problem string `json:"problem,omitempty"`
}

// nothingNew is the usual Mount.NotSaved.
const nothingNew = "nothing is new"

// MountsLine returns one line about the cache mounts. It is empty if no step used one.
func (r *Report) MountsLine() string {
	switch {
	case len(r.Mounts) > 0:
		return "cache mounts: " + r.restoredWords() + "; " + r.savedMountsWords()
	case r.MountsNotKept != "":
		return "cache mounts: not kept with the cache: " + escape.Line(r.MountsNotKept)
	default:
		return ""
	}
}

// restoredWords returns how many mounts were restored, and in what time.
func (r *Report) restoredWords() string {
	restored := 0
	var bytes int64
	for _, mount := range r.Mounts {
		if mount.Restored {
			restored++
			bytes += mount.Bytes
		}
	}
	text := fmt.Sprintf("%d restored", restored)
	if restored == 0 {
		return text
	}
	text += fmt.Sprintf(", %s in %.1f s", Size(bytes), r.MountRestoreSeconds())
	if more := len(r.Mounts) - restored; more > 0 {
		text += fmt.Sprintf(", %d not restored", more)
	}
	return text
}

// MountRestoreSeconds returns the time in which at least one mount was being restored. A report without the activities
// has only the time of each mount, of which the longest counts.
func (r *Report) MountRestoreSeconds() float64 {
	var longest float64
	restored := map[string]bool{}
	for _, mount := range r.Mounts {
		if mount.Restored {
			restored[mount.ID] = true
			longest = max(longest, mount.RestoreSeconds)
		}
	}
	spans := slices.DeleteFunc(slices.Clone(r.Activities), func(a Activity) bool { return a.Kind != Restore || !restored[a.Label] })
	slices.SortFunc(spans, func(a, b Activity) int { return cmp.Compare(a.Start, b.Start) })
	total, reached := 0.0, math.Inf(-1)
	for _, span := range spans {
		end := span.Start + span.Seconds
		total += max(0, end-max(span.Start, reached))
		reached = max(reached, end)
	}
	return max(total, longest)
}

// HasMountProblem reports whether a cache mount could not be restored or saved.
func (r *Report) HasMountProblem() bool {
	return slices.ContainsFunc(r.Mounts, func(m Mount) bool { return m.Problem != "" })
}

// savedMountsWords returns how much was saved, or why nothing was.
func (r *Report) savedMountsWords() string {
	var bytes int64
	saved, failed := 0, 0
	var reasons []string
	for _, mount := range r.Mounts {
		switch {
		case mount.Saved:
			saved++
			bytes += mount.UploadedBytes
		case mount.NotSaved == "":
			failed++
		case !slices.Contains(reasons, mount.NotSaved):
			reasons = append(reasons, mount.NotSaved)
		}
	}
	switch {
	case saved > 0 && failed > 0:
		return fmt.Sprintf("%s saved, %d not saved", Size(bytes), failed)
	case saved > 0:
		return Size(bytes) + " saved"
	case failed > 0:
		return fmt.Sprintf("%d not saved", failed)
	case len(reasons) == 1 && reasons[0] == nothingNew:
		return "nothing new to save"
	}
	return "nothing saved, because " + escape.Line(strings.Join(reasons, ", and "))
}

// words returns what was done with the mount.
func (m Mount) words() string {
	text := "not restored"
	if m.Restored {
		text = fmt.Sprintf("restored from %s: %d files, %s in %s", m.From, m.Files, Size(m.Bytes), duration(m.RestoreSeconds))
		if m.ReadFiles != nil && m.ReadBytes != nil {
			text += fmt.Sprintf("; steps read %d files, %s", *m.ReadFiles, Size(*m.ReadBytes))
		}
	}
	switch {
	case m.Saved:
		text += fmt.Sprintf("; %s saved in %s", Size(m.UploadedBytes), duration(m.SaveSeconds))
		if m.EvictedBytes > 0 {
			text += fmt.Sprintf(", without %s above the limit", Size(m.EvictedBytes))
		}
	case m.NotSaved != "":
		text += "; not saved, because " + m.NotSaved
	default:
		text += "; not saved"
	}
	for _, more := range []string{m.Decision, m.Problem} {
		if more != "" {
			text += "; " + more
		}
	}
	return escape.Line(text)
}

// note returns why the mount was not saved, unless nothing is new, what was decided, and its problem.
func (m Mount) note() string {
	var parts []string
	if m.NotSaved != "" && m.NotSaved != nothingNew {
		parts = append(parts, "not saved, because "+m.NotSaved)
	}
	for _, more := range []string{m.Decision, m.Problem} {
		if more != "" {
			parts = append(parts, more)
		}
	}
	return strings.Join(parts, "; ")
}

// Size formats a number of bytes with a decimal below ten, as in "3.2 MB" or "167 MB".
func Size(bytes int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if bytes < 1000 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	value, unit := float64(bytes)/1000, 0
	// 999.5 would be shown as 1000.
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', digits, 64), ".0") + " " + units[unit]
}

func (r *Report) markdownMounts(m *markdownWriter) {
	line := r.MountsLine()
	if line == "" {
		return
	}
	m.heading("Cache mounts")
	m.line("%s", escape.Markdown(capital(strings.TrimPrefix(line, "cache mounts: "))+"."))
	if len(r.Mounts) == 0 {
		return
	}
	m.line("")
	m.table("mount", "restored from", ">files", ">MB", ">seconds", ">files read", ">MB saved", ">seconds", ">MB stored", "note")
	for _, mount := range r.Mounts {
		restored, saved, stored := []string{"not restored", "", "", "", ""}, []string{"", ""}, unknown
		if mount.Restored {
			read := unknown
			if mount.ReadFiles != nil {
				read = strconv.Itoa(*mount.ReadFiles)
			}
			restored = []string{escape.Code(mount.From), strconv.Itoa(mount.Files), inMB(mount.Bytes), fmt.Sprintf("%.2f", mount.RestoreSeconds), read}
		}
		if mount.Saved {
			saved = []string{inMB(mount.UploadedBytes), fmt.Sprintf("%.2f", mount.SaveSeconds)}
		}
		if mount.StoredBytes != nil {
			stored = inMB(*mount.StoredBytes)
		}
		m.row(slices.Concat([]string{escape.Code(mount.ID)}, restored, saved, []string{stored, escape.Markdown(mount.note())})...)
	}
}

func inMB(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/1e6) }
