// The app of app.go without its constructs: the same resources, written with the CDK's own in JavaScript. main.go runs both and
// compares their templates byte for byte.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { App, Duration, RemovalPolicy, Stack } = require('aws-cdk-lib');
const codebuild = require('aws-cdk-lib/aws-codebuild');
const ecr = require('aws-cdk-lib/aws-ecr');
const iam = require('aws-cdk-lib/aws-iam');
const logs = require('aws-cdk-lib/aws-logs');
const assets = require('aws-cdk-lib/aws-s3-assets');
const { Construct } = require('constructs');

const pullActions = ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'];
const pushActions = [...pullActions, 'ecr:BatchCheckLayerAvailability', 'ecr:InitiateLayerUpload', 'ecr:UploadLayerPart',
  'ecr:CompleteLayerUpload', 'ecr:PutImage'];

class CacheRepository extends Construct {
  constructor(scope, id, { rules }) {
    super(scope, id);
    this.repository = new ecr.Repository(this, 'Repository', {
      imageTagMutability: ecr.TagMutability.MUTABLE,
      removalPolicy: RemovalPolicy.DESTROY,
      emptyOnDelete: true,
    });
    this.repository.node.defaultChild.lifecyclePolicy = { lifecyclePolicyText: rules };
  }
}

class PullThroughCache extends Construct {
  constructor(scope, id, { upstreams, rules }) {
    super(scope, id);
    const stack = Stack.of(this);
    this.prefixes = Object.keys(upstreams);
    for (const prefix of this.prefixes) {
      const template = new ecr.CfnRepositoryCreationTemplate(this, `Template-${prefix}`, {
        appliedFor: ['PULL_THROUGH_CACHE'],
        description: `Images that layercache pulls through from ${upstreams[prefix]}`,
        imageTagMutability: 'MUTABLE',
        lifecyclePolicy: rules,
        prefix,
      });
      const rule = new ecr.CfnPullThroughCacheRule(this, `Rule-${prefix}`, {
        ecrRepositoryPrefix: prefix,
        upstreamRegistry: prefix,
        upstreamRegistryUrl: upstreams[prefix],
      });
      rule.addResourceDependency(template);
    }
    const host = `${stack.account}.dkr.ecr.${stack.region}.${stack.urlSuffix}`;
    this.mirrors = this.prefixes.map((prefix) => `${upstreams[prefix]}=${host}/${prefix}`).join(',');
  }

  grantPull(grantee) {
    const stack = Stack.of(this);
    iam.Grant.addToPrincipal({
      grantee,
      actions: [...pullActions, 'ecr:BatchImportUpstreamImage', 'ecr:CreateRepository'],
      resourceArns: this.prefixes.map((prefix) => stack.formatArn({ service: 'ecr', resource: 'repository', resourceName: `${prefix}/*` })),
    });
  }
}

class ImageBuild extends Construct {
  constructor(scope, id, { cache, bases, source, helper, buildSpec, rules }) {
    super(scope, id);
    const role = new iam.Role(this, 'Role', {
      description: 'Service role of an image build with a layer cache (layercache)',
      path: '/',
      assumedBy: new iam.ServicePrincipal('codebuild.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const logGroup = new logs.LogGroup(this, 'Logs', { retention: logs.RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    logGroup.grantWrite(role);
    const image = new ecr.Repository(this, 'Image', {
      imageScanOnPush: true,
      imageTagMutability: ecr.TagMutability.MUTABLE,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    image.node.defaultChild.lifecyclePolicy = { lifecyclePolicyText: rules };
    iam.Grant.addToPrincipal({ grantee: role, actions: ['ecr:GetAuthorizationToken'], resourceArns: ['*'] });
    image.grant(role, ...pushActions);
    cache.repository.grant(role, ...pushActions);
    bases.grantPull(role);

    const files = new assets.Asset(this, 'Source', { path: source, exclude: ['.git', 'cdk.out', 'node_modules'] });
    readObject(role, files);
    readObject(role, helper);
    const project = new codebuild.Project(this, 'Project', {
      timeout: Duration.minutes(60),
      description: 'Builds an image with a layer cache (layercache)',
      buildSpec: codebuild.BuildSpec.fromObject({ version: '0.2' }),
      secondarySources: [codebuild.Source.s3({ identifier: 'layercache', bucket: helper.bucket, path: helper.s3ObjectKey })],
      environment: {
        buildImage: codebuild.LinuxBuildImage.fromCodeBuildImageId('aws/codebuild/amazonlinux-x86_64-standard:6.0'),
        computeType: codebuild.ComputeType.MEDIUM,
        privileged: true,
      },
      environmentVariables: plainText({
        LAYERCACHE_APP: id,
        LAYERCACHE_ATTESTATIONS: 'image-manifest',
        LAYERCACHE_BUILDER: 'auto',
        LAYERCACHE_COMPRESSION: 'auto',
        LAYERCACHE_CONTEXT: '.',
        LAYERCACHE_DOCKERFILE: 'Dockerfile',
        LAYERCACHE_FALLBACK_BRANCH: 'main',
        LAYERCACHE_IMAGE: image.repositoryUri,
        LAYERCACHE_IMAGE_COMPRESSION: 'gzip',
        LAYERCACHE_MIRRORS: bases.mirrors,
        LAYERCACHE_MODE: 'registry',
        LAYERCACHE_MOUNTS: 'auto',
        LAYERCACHE_MOUNT_LIMIT: '2GB',
        LAYERCACHE_PUSH: 'true',
        LAYERCACHE_REFRESH: 'false',
        LAYERCACHE_REPORT_DIR: 'layercache-report',
        LAYERCACHE_REPOSITORY: cache.repository.repositoryUri,
        LAYERCACHE_TAGS: 'latest',
        LAYERCACHE_USD_PER_MINUTE: '0.01',
        LAYERCACHE_WRITE: 'true',
      }),
      role: role.withoutPolicyUpdates(),
      grantReportGroupPermissions: false,
      logging: { cloudWatch: { logGroup } },
      checkSecretsInPlainTextEnvVariables: false,
    });
    project.node.defaultChild.source = { type: 'S3', location: `${files.s3BucketName}/${files.s3ObjectKey}`, buildSpec };
    project.node.addDependency(role.node.findChild('DefaultPolicy'));
  }
}

function plainText(variables) {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, { value }]));
}

function readObject(grantee, asset) {
  const { bucket, s3ObjectKey } = asset;
  iam.Grant.addToPrincipal({
    grantee, actions: ['s3:GetObject', 's3:GetObjectVersion'], resourceArns: [bucket.arnForObjects(s3ObjectKey)],
  });
  iam.Grant.addToPrincipal({ grantee, actions: ['s3:GetBucketAcl', 's3:GetBucketLocation'], resourceArns: [bucket.bucketArn] });
}

function synthesize({ builds, perStack, source, helper, buildSpec, upstreams, rules }) {
  const app = new App();
  let stack, cache, bases, helperAsset;
  for (let n = 0; n < builds; n++) {
    if (n % perStack === 0) {
      stack = new Stack(app, `Builds${n / perStack}`);
      cache = new CacheRepository(stack, 'Cache', { rules: rules.cache });
      helperAsset = new assets.Asset(stack, 'Helper', { path: path.resolve(helper) });
    }
    bases ??= new PullThroughCache(stack, 'Bases', { upstreams, rules: rules.pullThrough });
    new ImageBuild(stack, `Build${n}`, { cache, bases, source, helper: helperAsset, buildSpec, rules: rules.image });
  }
  app.synth();
}

synthesize(JSON.parse(fs.readFileSync(process.argv[2], 'utf8')));
