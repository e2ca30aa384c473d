// Package buildspecs embeds the CodeBuild buildspecs of layercache. Apart from the report group and the
// images of a batch, they depend only on environment variables.
package buildspecs

import (
	_ "embed"
	"strings"
)

// Image is image.yml: it builds and pushes one image with a layer cache.
//
//go:embed image.yml
var Image string

// ImageBatch is image-batch.yml: it builds an image for two architectures as a batch.
//
//go:embed image-batch.yml
var ImageBatch string

//go:embed reports.yml
var reports string

// reportGroup stands for the ARN of the report group in reports.yml.
const reportGroup = "REPORT_GROUP"

// Reports returns reports.yml for the report group with the ARN. It is appended to Image or ImageBatch.
func Reports(groupArn string) string {
	return strings.ReplaceAll(reports, `"`+reportGroup+`"`, `"`+groupArn+`"`)
}

// The build images in ImageBatch.
const (
	AMD64Image = "aws/codebuild/amazonlinux-x86_64-standard:6.0"
	ARM64Image = "aws/codebuild/amazonlinux-aarch64-standard:4.0"
)

// ImageBatchOn returns ImageBatch with other build images.
func ImageBatchOn(amd64, arm64 string) string {
	return strings.NewReplacer("image: "+AMD64Image+"\n", "image: "+amd64+"\n", "image: "+ARM64Image+"\n", "image: "+arm64+"\n").Replace(ImageBatch)
}

// Prewarm is prewarm.yml: it pulls images through the pull-through cache.
//
//go:embed prewarm.yml
var Prewarm string

// FetchHelper is the command that puts the helper on PATH in a buildspec of another project. LAYERCACHE_HELPER
// is the S3 location of the helper's zip. The command needs the AWS CLI and unzip, which all images that
// CodeBuild curates have.
const FetchHelper = `HELPER="$(mktemp -d)" && aws s3 cp --only-show-errors "$LAYERCACHE_HELPER" "$HELPER/helper.zip" && ` +
	`unzip -q "$HELPER/helper.zip" -d "$HELPER" && rm "$HELPER/helper.zip" && chmod +x "$HELPER"/* && export PATH="$HELPER:$PATH"`

// DockerProgram is the name by which FetchDocker puts the helper on PATH as a replacement for docker, for CDK_DOCKER.
const DockerProgram = "layercache-docker"

// FetchDocker is FetchHelper, and makes the helper a replacement for docker by the name DockerProgram.
const FetchDocker = FetchHelper + ` && ln -sf layercache "$HELPER/` + DockerProgram + `"`
