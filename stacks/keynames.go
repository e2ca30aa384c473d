package stacks

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// propsOfPlace are the props of ImageBuild whose keys are not in builds but where the builds run.
var propsOfPlace = validation.Names{"Cache": "tier", "PullRequests.Cache": "pullRequestTier", "PullThrough": "pullThrough"}

// namesOfBuild returns the keys of a build by the prop that they set.
func namesOfBuild() validation.Names {
	names := namesOf(reflect.TypeFor[BuildConfig]())
	maps.Copy(names, propsOfPlace)
	maps.Copy(names, namesOfRollOut)
	return names
}

// namesByConstruct returns the keys for the constructs whose problems are only found when they are made.
func namesByConstruct() map[string]validation.Names {
	below := func(key string, names validation.Names) validation.Names {
		for prop, name := range names {
			names[prop] = key + "." + name
		}
		return names
	}
	return map[string]validation.Names{
		fmt.Sprintf("%T", (*imagebuild.ImageBuild)(nil)): namesOfBuild(),
		fmt.Sprintf("%T", (*pullthrough.Prewarm)(nil)):   below("layercache.pullThrough.prewarm", namesOf(reflect.TypeFor[PrewarmConfig]())),
		fmt.Sprintf("%T", (*insight.Insight)(nil)):       below("layercache.dashboard", namesOf(reflect.TypeFor[DashboardConfig]())),
	}
}

// namesOf returns the keys of a struct of the configuration, and of the structs in it, by the tag "prop".
func namesOf(config reflect.Type) validation.Names {
	names := validation.Names{}
	addNames(names, config, "", "")
	return names
}

func addNames(names validation.Names, config reflect.Type, prop, key string) {
	for config.Kind() == reflect.Pointer || config.Kind() == reflect.Slice || config.Kind() == reflect.Map {
		config = config.Elem()
	}
	if config.Kind() != reflect.Struct {
		return
	}
	for field := range fieldsOf(config) {
		if own := field.Tag.Get("prop"); own != "" {
			names[prop+own] = key + field.Tag.Get("json")
			addNames(names, field.Type, prop+own+".", key+field.Tag.Get("json")+".")
		}
	}
}

// fieldsOf returns the fields of a struct.
func fieldsOf(config reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range config.NumField() {
			if !yield(config.Field(i)) {
				return
			}
		}
	}
}
