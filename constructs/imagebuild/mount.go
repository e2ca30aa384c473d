package imagebuild

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/variables"
)

// mountOptions are the ids of the kept cache mounts, or only "auto" or "off", and the largest size of one; nil is
// the helper's default.
type mountOptions struct {
	ids []string
	// idsSet reports whether the caller set CacheMounts.
	idsSet bool
	limit  awscdk.Size
}

func resolveMounts(props *ImageBuildProps) mountOptions {
	return mountOptions{
		ids:    stringsOr(props.CacheMounts, variables.MountsAuto),
		idsSet: props.CacheMounts != nil,
		limit:  props.CacheMountLimit,
	}
}

// areOff reports whether no mount is kept.
func (m mountOptions) areOff() bool { return slices.Equal(m.ids, []string{variables.MountsOff}) }

// limitMiB returns the limit in whole mebibytes, rounded down.
func (m mountOptions) limitMiB() float64 {
	return *m.limit.ToMebibytes(&awscdk.SizeConversionOptions{Rounding: awscdk.SizeRoundingBehavior_FLOOR})
}

// variables returns the variables about cache mounts.
func (m mountOptions) variables() map[string]string {
	limit, _ := variables.Find("LAYERCACHE_MOUNT_LIMIT")
	v := map[string]string{"LAYERCACHE_MOUNTS": strings.Join(m.ids, ","), "LAYERCACHE_MOUNT_LIMIT": limit.Default}
	if m.limit != nil {
		v["LAYERCACHE_MOUNT_LIMIT"] = fmt.Sprintf("%.0fMiB", m.limitMiB())
	}
	return v
}

// maxMountMiB is a pebibyte. The helper counts bytes in 63 bits.
const maxMountMiB = 1 << 30

// checkMounts checks the ids and the limit, and that the mode and the builder keep mounts at all.
func checkMounts(problems *validation.Problems, r *resolved) {
	m := r.cache.mounts
	checkMountIDs(problems, m)
	switch {
	case m.limit == nil:
	case *m.limit.IsUnresolved():
		problems.Add("CacheMountLimit", "is not known at synthesis", "give a number")
	case m.limitMiB() < 1:
		problems.Add("CacheMountLimit", "is less than 1 MiB", `give more, or set CacheMounts to "off"`)
	case m.limitMiB() > maxMountMiB:
		problems.Add("CacheMountLimit", "is more than the disk of any build machine", "give less, or leave it out")
	case m.areOff():
		problems.Add("CacheMountLimit", `has no effect if CacheMounts is "off"`, "leave it out")
	}
	for _, c := range []struct {
		prop string
		set  bool
	}{{"CacheMounts", m.idsSet && !m.areOff()}, {"CacheMountLimit", m.limit != nil}} {
		switch {
		case !c.set:
		case r.cache.mode != RegistryCache && r.cache.mode != S3Cache:
			problems.Add(c.prop, fmt.Sprintf("is not used if CacheMode is %q", r.cache.mode), fmt.Sprintf("leave it out, or set CacheMode to %q or %q", RegistryCache, S3Cache))
		case r.machine.builder == ContainerBuilder || r.machine.builder == DockerBuilder:
			problems.Add(c.prop, fmt.Sprintf("is not used if builds run on the builder %q", r.machine.builder), fmt.Sprintf("leave it out, or use %q", NativeBuilder))
		}
	}
}

func checkMountIDs(problems *validation.Problems, m mountOptions) {
	if len(m.ids) == 0 {
		problems.Add("CacheMounts", "is empty", `give ids, or "off" to keep no mounts`)
	}
	for i, id := range m.ids {
		at := fmt.Sprintf("CacheMounts[%d]", i)
		switch {
		case !validation.IsLiteral(&id):
		case id == "" || strings.TrimSpace(id) != id || strings.ContainsAny(id, ",\x00\n\r"):
			problems.Add(at, fmt.Sprintf("%q has the wrong form", id), "give the id of a mount without commas, which is its target unless the Dockerfile has id=")
		case len(m.ids) == 1:
		case id == variables.MountsAuto:
			problems.Add(at, fmt.Sprintf("%q stands for all ids", id), "give it alone, or give only ids")
		case id == variables.MountsOff:
			problems.Add(at, fmt.Sprintf("%q keeps no mount", id), "give it alone, or give only ids")
		}
	}
}
