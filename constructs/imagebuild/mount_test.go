package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestCacheMountsSetVariables(t *testing.T) {
	for name, c := range map[string]struct {
		ids       *[]*string
		limit     awscdk.Size
		want, max string
	}{
		"all mounts, by default":             {nil, nil, "auto", "2GB"},
		"none":                               {jsii.Strings("off"), nil, "off", "2GB"},
		"two ids, one of them a target":      {jsii.Strings("modules", "/root/.cache/go-build"), nil, "modules,/root/.cache/go-build", "2GB"},
		"a limit":                            {nil, awscdk.Size_Gibibytes(jsii.Number(4)), "auto", "4096MiB"},
		"a limit that is rounded down":       {nil, awscdk.Size_Kibibytes(jsii.Number(1536)), "auto", "1MiB"},
		"all mounts, said, and with a limit": {jsii.Strings("auto"), awscdk.Size_Mebibytes(jsii.Number(500)), "auto", "500MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.CacheMounts, props.CacheMountLimit = c.ids, c.limit
			props.PullRequests = &imagebuild.PullRequests{}
			props.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), nil)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			assert.Empty(t, synthtest.Errors(stack))
			for _, id := range []string{"BuildProject", "BuildPullRequestProject"} {
				v := variablesOf(project(t, stack, id))
				assert.Equal(t, c.want, v["LAYERCACHE_MOUNTS"], id)
				assert.Equal(t, c.max, v["LAYERCACHE_MOUNT_LIMIT"], id)
			}
		})
	}
}

func TestProblemsOfCacheMounts(t *testing.T) {
	form := "has the wrong form; give the id of a mount without commas, which is its target unless the Dockerfile has id="
	for name, c := range map[string]struct {
		set  func(awscdk.Stack, *imagebuild.ImageBuildProps)
		want []string
	}{
		"no ids": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) { p.CacheMounts = &[]*string{} },
			[]string{`CacheMounts: is empty; give ids, or "off" to keep no mounts`},
		},
		"ids that a list cannot hold": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMounts = &[]*string{jsii.String("a,b"), jsii.String(""), nil, jsii.String(" c"), jsii.String("d\n"), jsii.String("e f")}
			},
			[]string{`CacheMounts[0]: "a,b" ` + form, `CacheMounts[1]: "" ` + form, `CacheMounts[2]: "" ` + form, `CacheMounts[3]: " c" ` + form, `CacheMounts[4]: "d\n" ` + form},
		},
		"auto and off among ids": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMounts = jsii.Strings("auto", "modules", "off")
			},
			[]string{
				`CacheMounts[0]: "auto" stands for all ids; give it alone, or give only ids`,
				`CacheMounts[2]: "off" keeps no mount; give it alone, or give only ids`,
			},
		},
		"a limit below a mebibyte": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMountLimit = awscdk.Size_Kibibytes(jsii.Number(1023))
			},
			[]string{`CacheMountLimit: is less than 1 MiB; give more, or set CacheMounts to "off"`},
		},
		"a limit above every disk": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMountLimit = awscdk.Size_Pebibytes(jsii.Number(2))
			},
			[]string{"CacheMountLimit: is more than the disk of any build machine; give less, or leave it out"},
		},
		"a limit that is not known at synthesis": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				limit := awscdk.NewCfnParameter(s, jsii.String("Limit"), &awscdk.CfnParameterProps{Type: jsii.String("Number")})
				p.CacheMountLimit = awscdk.Size_Mebibytes(limit.ValueAsNumber())
			},
			[]string{"CacheMountLimit: is not known at synthesis; give a number"},
		},
		"a limit of nothing": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.CacheMounts, p.CacheMountLimit = jsii.Strings("off"), awscdk.Size_Gibibytes(jsii.Number(1))
			},
			[]string{`CacheMountLimit: has no effect if CacheMounts is "off"; leave it out`},
		},
		"a mode that keeps no mounts": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.CacheMode = nil, imagebuild.InlineCache
				p.CacheMounts, p.CacheMountLimit = jsii.Strings("modules"), awscdk.Size_Gibibytes(jsii.Number(1))
			},
			[]string{
				`CacheMounts: is not used if CacheMode is "inline"; leave it out, or set CacheMode to "registry" or "s3"`,
				`CacheMountLimit: is not used if CacheMode is "inline"; leave it out, or set CacheMode to "registry" or "s3"`,
			},
		},
		"a builder that keeps no mounts": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Builder, p.CacheMounts = imagebuild.ContainerBuilder, jsii.Strings("auto")
			},
			[]string{`CacheMounts: is not used if builds run on the builder "container"; leave it out, or use "native"`},
		},
		"a Docker server, which keeps mounts itself": {
			func(_ awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.DockerServer, p.CacheMounts = &imagebuild.DockerServer{}, jsii.Strings("modules")
			},
			[]string{`CacheMounts: is not used if builds run on the builder "docker"; leave it out, or use "native"`},
		},
		"off, which fits every mode and builder": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Builder, p.CacheMounts = imagebuild.DockerBuilder, jsii.Strings("off")
			},
			nil,
		},
		"S3": {
			func(s awscdk.Stack, p *imagebuild.ImageBuildProps) {
				p.Cache, p.CacheMode, p.CacheBucket = nil, imagebuild.S3Cache, cacheBucket(s)
				p.CacheMounts = jsii.Strings("modules")
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			c.set(stack, props)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, atBuild(c.want...), synthtest.Errors(stack))
		})
	}
}
