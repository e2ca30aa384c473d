package lint

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const pinnedDigest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestDigestWithoutPrewarm(t *testing.T) {
	checkRule(t, "digest-without-prewarm", []ruleCase{
		{"a tag is imported on the first pull", "FROM node:20\n", nil},
		{"a digest is not", "FROM node" + pinnedDigest + "\n", one(1, Info)},
		{"a tag with its digest is not", "FROM node:20" + pinnedDigest + "\n", one(1, Info)},
		{"Docker Hub under its own name", "FROM docker.io/library/node:20" + pinnedDigest + "\n", one(1, Info)},
		{"another upstream of ECR", "FROM public.ecr.aws/docker/library/node:20" + pinnedDigest + "\n", one(1, Info)},
		{"a registry of Azure", "FROM team.azurecr.io/node:20" + pinnedDigest + "\n", one(1, Info)},
		{"a registry that ECR cannot cache from", "FROM mcr.microsoft.com/dotnet/sdk:9.0" + pinnedDigest + "\n", nil},
		{"a registry of one's own", "FROM localhost:5000/node:20" + pinnedDigest + "\n", nil},
		{"a digest in the default of an ARG", "ARG D=node:20" + pinnedDigest + "\nFROM $D\n", one(2, Info)},
		{"a digest in an ARG without a default is not known", "ARG D\nFROM node:20@$D\n", nil},
		{"an image that files are copied from", "FROM scratch\nCOPY --from=ghcr.io/astral-sh/uv:0.9" + pinnedDigest + " /uv /bin/\n", one(2, Info)},
		{"an image that is named twice is reported once", "FROM node" + pinnedDigest + " AS a\nFROM node" + pinnedDigest + "\n", one(1, Info)},
		{"a stage is not pulled", "FROM scratch AS a\nFROM a\nCOPY --from=a /x /y\n", nil},
		{"silenced", "# layercache:ignore digest-without-prewarm\nFROM node" + pinnedDigest + "\n", nil},
	})
}

func TestTheAdviceForAPinnedImageNamesItsTag(t *testing.T) {
	for dockerfile, want := range map[string]string{
		"FROM quay.io/a/b:1" + pinnedDigest + "\n": "layercache prewarm with HOST/PREFIX/ in place of the registry, quay.io/a/b:1" + pinnedDigest + ": it pulls the tag and compares the digest",
		"FROM quay.io/a/b" + pinnedDigest + "\n":   "write the tag too, quay.io/a/b:TAG" + pinnedDigest + ", and give that to layercache prewarm, with HOST/PREFIX/ in place of the registry",
	} {
		findings, err := Check([]byte(dockerfile), Options{})
		require.NoError(t, err)
		require.Len(t, findings, 2, "the syntax line and the digest")
		assert.Equal(t, want, findings[1].Change)
	}
}
