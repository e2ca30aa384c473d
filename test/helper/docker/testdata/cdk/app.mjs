import * as cdk from "aws-cdk-lib";
import { DockerImageAsset, Platform } from "aws-cdk-lib/aws-ecr-assets";
import { DockerImageCode, DockerImageFunction } from "aws-cdk-lib/aws-lambda";

const app = new cdk.App();
const { STACK, THEIR_CACHE, SERVICES } = process.env;
const account = "123456789012";
const cache = { type: "registry", params: { ref: THEIR_CACHE } };

const europe = new cdk.Stack(app, STACK, { env: { account, region: "eu-west-1" } });
const api = new DockerImageAsset(europe, "Api", {
  directory: SERVICES + "/api",
  target: "release",
  platform: Platform.LINUX_AMD64,
  buildArgs: { VERSION: "7" },
  buildContexts: { shared: SERVICES + "/shared" },
  buildSecrets: { token: cdk.DockerBuildSecret.fromSrc(SERVICES + "/token") },
});
const web = new DockerImageAsset(europe, "Web", { directory: SERVICES + "/web", cacheFrom: [cache], cacheTo: cache });
new cdk.CfnOutput(europe, "ApiImage", { value: api.imageUri });
new cdk.CfnOutput(europe, "WebImage", { value: web.imageUri });

// An image to bundle functions with, built when the app runs.
cdk.DockerImage.fromBuild(SERVICES + "/tools");

for (const stack of [europe, new cdk.Stack(app, STACK + "America", { env: { account, region: "us-east-1" } })]) {
  new DockerImageFunction(stack, "Job", { code: DockerImageCode.fromImageAsset(SERVICES + "/job", { file: "Containerfile" }) });
}
