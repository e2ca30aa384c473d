//go:build linux

package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// fetcher fetches sources into a directory and keeps the first error.
type fetcher struct {
	config aws.Config
	dir    string
	err    error
}

// source fetches a source and returns its file, or "" for NO_SOURCE.
func (f *fetcher) source(ctx context.Context, of *types.ProjectSource) string {
	location := aws.ToString(of.Location)
	switch {
	case f.err != nil || of.Type == types.SourceTypeNoSource:
		return ""
	case of.Type != types.SourceTypeS3:
		f.err = fmt.Errorf("run: source %s is of type %s: only S3 and NO_SOURCE are supported here", location, of.Type)
		return ""
	}
	path, err := f.fetch(ctx, location)
	if err != nil {
		f.err = fmt.Errorf("run: source s3://%s: %w", location, err)
	}
	return path
}

// fetch downloads the object BUCKET/KEY and returns its file.
func (f *fetcher) fetch(ctx context.Context, location string) (path string, err error) {
	bucket, key, _ := strings.Cut(location, "/")
	client := s3.NewFromConfig(f.config, func(o *s3.Options) { o.UsePathStyle = true })
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer object.Body.Close()
	file, err := os.CreateTemp(f.dir, "source-*.zip")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, object.Body)
	return file.Name(), errors.Join(err, file.Close())
}
