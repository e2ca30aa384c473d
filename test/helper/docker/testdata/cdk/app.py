import os

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_lambda as functions

app = cdk.App()
name, services = os.environ["STACK"], os.environ["SERVICES"]
account = "123456789012"
cache = assets.DockerCacheOption(type="registry", params={"ref": os.environ["THEIR_CACHE"]})

europe = cdk.Stack(app, name, env=cdk.Environment(account=account, region="eu-west-1"))
america = cdk.Stack(app, name + "America", env=cdk.Environment(account=account, region="us-east-1"))
api = assets.DockerImageAsset(
    europe,
    "Api",
    directory=services + "/api",
    target="release",
    platform=assets.Platform.LINUX_AMD64,
    build_args={"VERSION": "7"},
    build_contexts={"shared": services + "/shared"},
    build_secrets={"token": cdk.DockerBuildSecret.from_src(services + "/token")},
)
web = assets.DockerImageAsset(europe, "Web", directory=services + "/web", cache_from=[cache], cache_to=cache)
cdk.CfnOutput(europe, "ApiImage", value=api.image_uri)
cdk.CfnOutput(europe, "WebImage", value=web.image_uri)

# An image to bundle functions with, built when the app runs.
cdk.DockerImage.from_build(services + "/tools")

for stack in europe, america:
    code = functions.DockerImageCode.from_image_asset(services + "/job", file="Containerfile")
    functions.DockerImageFunction(stack, "Job", code=code)

app.synth()
