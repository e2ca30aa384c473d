package buildx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func split(line string) []string { return strings.Fields(line) }

func TestParseArgsReadsTheValuesThatTheHelperNeeds(t *testing.T) {
	cases := []struct {
		name, line string
		want       Args
	}{
		{"no arguments", "", Args{}},
		{"a context", ".", Args{}},
		{"a tag in two arguments", "--tag a:1 .", Args{Tags: []string{"a:1"}}},
		{"a tag in one argument", "--tag=a:1 .", Args{Tags: []string{"a:1"}}},
		{"a short tag in two arguments", "-t a:1 .", Args{Tags: []string{"a:1"}}},
		{"a short tag in one argument", "-ta:1 .", Args{Tags: []string{"a:1"}}},
		{"a short tag with an equals sign", "-t=a:1 .", Args{Tags: []string{"a:1"}}},
		{"several tags", "-t a:1 --tag b:2 -tc:3 .", Args{Tags: []string{"a:1", "b:2", "c:3"}}},
		{"a cluster whose last flag has a value", "-Dt a:1 .", Args{Tags: []string{"a:1"}}},
		{"a cluster that contains the value", "-Dta:1 .", Args{Tags: []string{"a:1"}}},
		{"a flag after the context", ". --tag a:1", Args{Tags: []string{"a:1"}}},
		{"platforms", "--platform linux/amd64,linux/arm64 --platform=linux/arm/v7 .", Args{Platforms: []string{"linux/amd64", "linux/arm64", "linux/arm/v7"}}},
		{"a builder", "--builder mine .", Args{Builder: "mine"}},
		{"the caller's own caches", "--cache-from type=registry,ref=h/c:a --cache-to=type=registry,ref=h/c:b,mode=max --cache-from type=local,src=x .", Args{Caches: []string{"h/c:a", "h/c:b"}}},
		{"a metadata file", "--metadata-file=m.json .", Args{MetadataFile: "m.json"}},
		{"an output that pushes", "-o type=registry .", Args{Outputs: []string{"type=registry"}}},
		{"an image output that pushes", "--output type=image,name=a:1,push=true .", Args{Outputs: []string{"type=image,name=a:1,push=true"}}},
		{"an output that does not push", "--output=type=local,dest=out .", Args{Outputs: []string{"type=local,dest=out"}}},
		{"an SBOM scanner", "--sbom=generator=h/a:1 --attest type=sbom,generator=h/b:1 --sbom=true .", Args{Scanners: []string{"h/a:1", "h/b:1"}}},
		{"checks only", "--check .", Args{OnlyChecks: true}},
		{"checks by call", "--call outline .", Args{OnlyChecks: true}},
		{"a call that builds", "--call=build .", Args{}},
		{"a call that builds, with an option", "--call format=json,build .", Args{}},
		{"an empty call builds", "--call= .", Args{}},
		{"a check that is switched off", "--check=false .", Args{}},
		{"a check that is switched off too late", "--check --check=false .", Args{OnlyChecks: true}},
		{"of a check and a call the last counts", "--check --call build .", Args{}},
		{"a check by call, in another format", "--call check,format=json .", Args{OnlyChecks: true}},
		{"no cache", "--no-cache .", Args{NoCache: true}},
		{"no cache, switched off", "--no-cache --no-cache=false .", Args{}},
		{"stages without a cache", "--no-cache-filter a,b --no-cache-filter=c .", Args{FreshStages: []string{"a", "b", "c"}}},
		{"a value that looks like a flag", "--build-arg --tag=x --label --push -f -t .", Args{BuildArgs: []string{"--tag=x"}, Dockerfile: "-t"}},
		{"arguments after two dashes are not flags", "-- --push", Args{}},
		{"a context on standard input", "-f Dockerfile -", Args{Dockerfile: "Dockerfile"}},
		{"a flag without its value", ". --tag", Args{Tags: []string{""}}},
		{"an unknown flag is passed to buildx", "--unknown --push .", Args{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ParseArgs(split(c.line))
			assert.Equal(t, split(c.line), append([]string{}, got.Rest...), "every argument is passed to buildx")
			got.Rest, got.Context = nil, ""
			assert.Equal(t, c.want, got)
		})
	}
}

// The helper shows the progress. buildx refuses --quiet together with the --progress that the helper sets.
func TestProgressAndQuietAreRemoved(t *testing.T) {
	cases := []struct{ name, line, rest, display string }{
		{"progress in two arguments", "--progress plain -t a .", "-t a .", "--progress=plain"},
		{"progress in one argument", "--progress=tty .", ".", "--progress=tty"},
		{"the last progress counts", "--progress=tty . --progress plain", ".", "--progress=plain"},
		{"quiet", "--quiet -t a .", "-t a .", "--quiet"},
		{"short quiet", ". -q", ".", "--quiet"},
		{"quiet given as true", "--quiet=true .", ".", "--quiet"},
		{"quiet given as false", "--quiet=false .", ".", ""},
		{"quiet given as 0", "--quiet=0 .", ".", ""},
		{"quiet that is switched off", "-q --quiet=false .", ".", ""},
		{"progress and quiet", "-q --progress plain .", ".", "--progress=plain --quiet"},
		{"an empty progress", "--progress= .", ".", "--progress="},
		{"quiet before a flag with a value in a cluster", "-qt a:1 .", "-t a:1 .", "--quiet"},
		{"quiet before a flag with its value in a cluster", "-qta:1 .", "-ta:1 .", "--quiet"},
		{"quiet after another flag in a cluster", "-Dq .", "-D .", "--quiet"},
		{"quiet before another flag in a cluster", "-qD .", "-D .", "--quiet"},
		{"progress as the value of another flag is kept", "--build-arg --progress=plain .", "--build-arg --progress=plain .", ""},
		{"a q in a value is kept", "-tq . -fq", "-tq . -fq", ""},
		{"progress after two dashes is kept", "-t a -- --progress=plain", "-t a -- --progress=plain", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ParseArgs(split(c.line))
			assert.Equal(t, split(c.rest), got.Rest)
			assert.Equal(t, split(c.display), append([]string{}, got.Display()...))
		})
	}
}

func TestAllOtherArgumentsAreKeptByteForByte(t *testing.T) {
	arguments := []string{
		"--build-arg", "A=\x00\n $(reboot) 'q' \"d\"", "--secret=id=x,src=/tmp/a b", "--label", "", "", "-", "--ssh", "default",
		"-f", "-", "--ulimit", "nofile=1:2", "--no-cache", "--load", "-m", "2g", "--\xff", "-\xff", "-🚀", "--=", "/a b/context\n",
	}
	assert.Equal(t, arguments, ParseArgs(arguments).Rest)
}

func TestImagesReturnsEveryNameThatCouldBePushed(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want []string
	}{
		{"no names", []string{"."}, nil},
		{"tags", []string{"-t", "a:1", "-t", "b:2"}, []string{"a:1", "b:2"}},
		{"the name of an output", []string{"-t", "a:1", "-o", "type=image,name=b:2,push=true"}, []string{"a:1", "b:2"}},
		{"the name of an output as the first attribute", []string{"-o", "name=b:2,type=registry"}, []string{"b:2"}},
		{"a quoted list of names of an output", []string{"-o", `type=image,"name=a:1,b:2",push=true`}, []string{"a:1", "b:2"}},
		{"a key in capitals, which buildx accepts", []string{"-o", "type=image,Name=a:1,push=true"}, []string{"a:1"}},
		{"a folder called name", []string{"-o", "type=local,dest=name"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, ParseArgs(c.args).Images()) })
	}
}

func TestArgumentsThatWriteToStdout(t *testing.T) {
	cases := []struct {
		name, line string
		want       bool
	}{
		{"a push prints nothing", "--push -t a .", false},
		{"a folder", "--output=type=local,dest=out .", false},
		{"a tar", "-o - .", true},
		{"a tar as an attribute", "--output type=oci,dest=- .", true},
		{"a file that is the standard output", "--iidfile /dev/stdout .", true},
		{"the same in one argument", "--metadata-file=/proc/self/fd/1 .", true},
		{"a context on standard input", "--push -", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, ParseArgs(split(c.line)).WritesToStdout()) })
	}
}

func FuzzParseArgs(f *testing.F) {
	f.Add("--tag", "a:1", "-o", "type=registry")
	f.Add("-qt", "--", "-", "--progress")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		got := ParseArgs([]string{a, b, c, d})
		assert.LessOrEqual(t, len(got.Rest), 4)
		got.Images()
	})
}
