package imagebuild

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// CodeCommitOptions are the options of Source_CodeCommit.
type CodeCommitOptions struct {
	// Version is the branch, tag or commit that is built when nothing else says.
	// Default: the default branch.
	Version *string

	// Submodules fetches the Git submodules.
	// Default: false.
	Submodules *bool
}

// Source_CodeCommit is a repository of AWS CodeCommit, which the role may pull.
func Source_CodeCommit(repository awscodecommit.IRepository, options *CodeCommitOptions) ISource {
	if options == nil {
		options = &CodeCommitOptions{}
	}
	return &codeCommitSource{repository: repository, options: options}
}

type codeCommitSource struct {
	repository awscodecommit.IRepository
	options    *CodeCommitOptions
}

func (s *codeCommitSource) Kind() string { return kindCodeCommit }

func (s *codeCommitSource) Check() []validation.Problem {
	if s.repository == nil {
		return []validation.Problem{{Prop: "Source", Wrong: "the repository is missing", Fix: "give the CodeCommit repository"}}
	}
	return nil
}

func (s *codeCommitSource) Bind(_ constructs.Construct, role awsiam.IGrantable) *BoundSource {
	grantOne(role, "codecommit:GitPull", s.repository.RepositoryArn())
	property := &awscodebuild.CfnProject_SourceProperty{Type: jsii.String(kindCodeCommit), Location: s.repository.RepositoryCloneUrlHttp()}
	if isTrue(s.options.Submodules) {
		property.GitSubmodulesConfig = &awscodebuild.CfnProject_GitSubmodulesConfigProperty{FetchSubmodules: jsii.Bool(true)}
	}
	return &BoundSource{Property: property, Version: s.options.Version}
}
