package buildx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWithImageForm(t *testing.T) {
	gzip := ImageForm{Compression: "gzip"}
	const form = "compression=gzip,force-compression=true,oci-artifact=false"
	cases := []struct {
		name      string
		form      ImageForm
		line      string
		arguments string
	}{
		{"--push gets an output", gzip, "--push -t a:1 .", "--output=type=image," + form + " --push -t a:1 ."},
		{"--load gets an output", gzip, "--load .", "--output=type=docker," + form + " --load ."},
		{"--push and --load get one each", gzip, "--push --load .", "--output=type=image," + form + " --output=type=docker," + form + " --push --load ."},
		{"--push=false pushes nothing", gzip, "--push --push=false .", "--push --push=false ."},
		{"without an output nothing is added", gzip, "-t a:1 .", "-t a:1 ."},
		{"an image in two arguments", gzip, "--output type=image,name=a:1,push=true .", "--output type=image,name=a:1,push=true," + form + " ."},
		{"an image in one argument", gzip, "--output=type=image .", "--output=type=image," + form + " ."},
		{"a short flag in two arguments", gzip, "-o type=registry .", "-o type=registry," + form + " ."},
		{"a short flag in one argument", gzip, "-otype=oci,dest=a.tar .", "-otype=oci,dest=a.tar," + form + " ."},
		{"a short flag with an equals sign", gzip, "-o=type=oci,dest=a.tar .", "-o=type=oci,dest=a.tar," + form + " ."},
		{"a cluster of short flags", gzip, "-Do type=oci,dest=a.tar .", "-Do type=oci,dest=a.tar," + form + " ."},
		{"docker's form", gzip, "-o type=docker,dest=a.tar .", "-o type=docker,dest=a.tar," + form + " ."},
		{"the output that --push would push is changed", gzip, "--push -o type=image,name=a:1 .", "--push -o type=image,name=a:1," + form + " ."},
		{"an output beside --push that is no image", gzip, "--push -o out .", "--output=type=image," + form + " --push -o out ."},
		{"a folder, a tar and nothing are no images", gzip, "-o out -o type=tar,dest=a.tar -o type=local,dest=b --output type=cacheonly .", "-o out -o type=tar,dest=a.tar -o type=local,dest=b --output type=cacheonly ."},
		{"several outputs", gzip, "-o type=oci,dest=a -o type=registry .", "-o type=oci,dest=a," + form + " -o type=registry," + form + " ."},
		{"the caller's compression", gzip, "-o type=image,compression=zstd .", "-o type=image,compression=zstd,oci-artifact=false ."},
		{"the caller's choice not to recompress", gzip, "-o type=image,force-compression=false .", "-o type=image,force-compression=false,oci-artifact=false ."},
		{"the caller's level", ImageForm{Compression: "gzip", Level: "6"}, "-o type=image,compression-level=9 .", "-o type=image,compression-level=9," + form + " ."},
		{"the caller's attestations", gzip, "-o type=image,oci-artifact=true .", "-o type=image,oci-artifact=true,compression=gzip,force-compression=true ."},
		{"an attribute in capitals is the caller's too", gzip, "-o type=image,OCI-Artifact=true,Compression=zstd .", "-o type=image,OCI-Artifact=true,Compression=zstd ."},
		{"a level", ImageForm{Compression: "zstd", Level: "19"}, "-o type=image .", "-o type=image,compression=zstd,force-compression=true,compression-level=19,oci-artifact=false ."},
		{"OCI artifacts", ImageForm{Compression: "gzip", OCIArtifact: true}, "-o type=image .", "-o type=image,compression=gzip,force-compression=true,oci-artifact=true ."},
		{"OCI artifacts need OCI media types", ImageForm{Compression: "gzip", OCIArtifact: true}, "-o type=image,oci-mediatypes=false .", "-o type=image,oci-mediatypes=false,compression=gzip,force-compression=true ."},
		{"times", ImageForm{Compression: "gzip", RewriteTimestamp: true}, "-o type=image .", "-o type=image," + form + ",rewrite-timestamp=true ."},
		{"the caller's times", ImageForm{Compression: "gzip", RewriteTimestamp: true}, "-o type=image,rewrite-timestamp=false .", "-o type=image,rewrite-timestamp=false," + form + " ."},
		{"an image that is unpacked keeps its times", ImageForm{Compression: "gzip", RewriteTimestamp: true}, "-o type=image,unpack=true .", "-o type=image,unpack=true," + form + " ."},
		{"a value that buildx refuses", gzip, `-o type=image,"a .`, `-o type=image,"a .`},
		{"arguments after two dashes are not flags", gzip, "-- --push", "-- --push"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			args := ParseArgs(strings.Fields(c.line))
			assert.Equal(t, strings.Fields(c.arguments), args.WithImageForm(c.form))
			assert.Equal(t, strings.Fields(c.line), args.Rest, "the caller's arguments must stay as they are")
		})
	}
}

func TestTheFolderAndTheSecretOfACache(t *testing.T) {
	for _, c := range []struct {
		name, value   string
		read, written []string
		secret        string
	}{
		{"a local cache", "type=local,src=a,dest=b", []string{"a"}, []string{"b"}, ""},
		{"a local cache that is only written", "type=local,dest=b", nil, []string{"b"}, ""},
		{"a local cache with two spellings of a name", "type=local,dest=b,DEST=c", nil, []string{"b", "c"}, ""},
		{"another cache", "type=registry,ref=host/cache,dest=b", nil, nil, ""},
		{"a bucket with a secret", "type=s3,bucket=b,secret_access_key=x", nil, nil, "secret_access_key"},
		{"a token of GitHub", "type=gha,TOKEN=x", nil, nil, "token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.read, CachesReadFrom(c.value))
			assert.Equal(t, c.written, CachesWrittenTo(c.value))
			assert.Equal(t, c.secret, CacheSecret(c.value))
		})
	}
}
