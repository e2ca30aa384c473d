package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/pullthrough"
)

// appVariable makes this program run as the Go app; its value is the path of the parameters.
const appVariable = "LAYERCACHE_SYNTH_PARAMETERS"

func synthesizeFrom(path string) {
	var p parameters
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
	synthesize(p)
	jsii.Close()
}

// synthesize builds the app with these constructs.
func synthesize(p parameters) {
	app := awscdk.NewApp(nil)
	var stack awscdk.Stack
	var cache *cacherepo.CacheRepository
	var bases *pullthrough.PullThroughCache
	for n := range p.Builds {
		if n%p.PerStack == 0 {
			stack = awscdk.NewStack(app, jsii.String(fmt.Sprintf("Builds%d", n/p.PerStack)), nil)
			cache = cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)
		}
		if bases == nil {
			bases = pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil)
		}
		imagebuild.NewImageBuild(stack, jsii.String(fmt.Sprintf("Build%d", n)), &imagebuild.ImageBuildProps{
			Source:      imagebuild.Source_Directory(&p.Source, nil),
			Cache:       cache,
			PullThrough: bases,
			HelperZip:   &p.Helper,
		})
	}
	app.Synth(nil)
}
