//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/checkout"
	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/run"
)

// deployment is the app in a separate local AWS, with a CodeBuild that runs builds.
type deployment struct {
	// dir is the folder for everything that is removed at the end.
	dir      string
	w        io.Writer
	aws      *awslocal.Server
	registry *ecrhost.Server
	builds   *run.CodeBuild
	project  template.Project
}

// start deploys the app and starts CodeBuild and the registries.
func (d *deployment) start(ctx context.Context, assembly string) error {
	assembly, err := filepath.Abs(assembly)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	app, err := template.Load(assembly)
	if err != nil {
		return err
	}
	if d.aws, err = awslocal.Start(ctx); err != nil {
		return err
	}
	if err := d.deploy(ctx, assembly); err != nil {
		return err
	}
	projects, err := d.complete(ctx, app)
	if err != nil {
		return err
	}
	d.project = projects[0]
	environ, err := d.buildImage(ctx)
	if err != nil {
		return err
	}
	registries, err := run.Registries(app)
	if err != nil {
		return err
	}
	d.registry, err = ecrhost.Start(ecrhost.Config{Dir: d.dir, Registries: registries, Identify: run.Identify(d.aws)})
	if err != nil {
		return err
	}
	d.builds, err = run.Start(ctx, run.Config{AWS: d.aws, Registry: d.registry, Dir: filepath.Join(d.dir, "builds"), Env: environ})
	return err
}

// deploy runs `cdk bootstrap` and `cdk deploy`.
func (d *deployment) deploy(ctx context.Context, assembly string) error {
	config, err := d.aws.Config(ctx, template.MadeUpAccount, template.MadeUpRegion)
	if err != nil {
		return err
	}
	cdk, err := d.aws.CDK(ctx, config, checkout.Dir(), assembly)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.w, "cdk bootstrap aws://%s/%s\n", template.MadeUpAccount, template.MadeUpRegion)
	if err := cdk.Bootstrap(ctx, template.MadeUpAccount, template.MadeUpRegion); err != nil {
		return err
	}
	fmt.Fprintln(d.w, "cdk deploy --all")
	_, err = cdk.Deploy(ctx)
	return err
}

// complete creates through the APIs what moto's CloudFormation ignores: the repositories' policies and the
// CodeBuild projects.
func (d *deployment) complete(ctx context.Context, app *template.App) ([]template.Project, error) {
	for _, synthesized := range app.Stacks() {
		config, err := d.aws.Config(ctx, synthesized.Account, synthesized.Region)
		if err != nil {
			return nil, err
		}
		stack, err := d.aws.Stack(ctx, config, synthesized.Name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(d.w, "\n%s: %s\n", stack.Name, stack.Status)
		for _, name := range slices.Sorted(maps.Keys(stack.Outputs)) {
			fmt.Fprintf(d.w, "  %s = %s\n", name, stack.Outputs[name])
		}
		if err := app.Deployed(stack.Name, stack.PhysicalIDs); err != nil {
			return nil, err
		}
	}
	repositories, err := app.Resources("AWS::ECR::Repository")
	if err != nil {
		return nil, err
	}
	for _, repository := range repositories {
		if err := d.aws.SetPolicies(ctx, repository); err != nil {
			return nil, err
		}
	}
	projects, err := app.Projects()
	if err != nil {
		return nil, err
	}
	for _, project := range projects {
		if err := d.aws.CreateProject(ctx, project); err != nil {
			return nil, err
		}
		fmt.Fprintf(d.w, "\nproject %s of stack %s, created through the CodeBuild API\n", project.Name, project.Stack)
	}
	return projects, nil
}

func (d *deployment) close() {
	if d.builds != nil {
		_ = d.builds.Close()
	}
	if d.registry != nil {
		_ = d.registry.Close()
	}
	if d.aws != nil {
		_ = d.aws.Close()
	}
}
