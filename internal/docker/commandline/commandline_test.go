package commandline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// decision is what a command line becomes, in one line: the kind, and what layercache reads from the line.
func decision(c Call) string {
	parts := []string{string(c.Kind)}
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "false" && text != "[]" {
			parts = append(parts, name+"="+text)
		}
	}
	if c.Kind == Docker {
		add("words", strings.Join(c.Words, " "))
		add("why", c.Why)
		add("misuse", c.Misuse)
		return strings.Join(parts, " ")
	}
	if c.Kind == Build || c.Kind == Bake {
		add("args", strings.Join(c.Args, " "))
	}
	if c.Kind == Compose {
		add("before", strings.Join(c.Compose.Before, " "))
		add("after", strings.Join(c.Compose.After, " "))
		add("files", c.Compose.Files)
		add("progress", c.Compose.Progress)
		add("push", c.Compose.Push)
		add("attestations", c.Compose.Attestations)
	}
	if c.Kind == PushServices {
		add("before", strings.Join(c.Push.Before, " "))
		add("flags", c.Push.Flags)
		add("dependencies", c.Push.Dependencies)
		add("ignore-failures", c.Push.IgnoreFailures)
	}
	add("names", c.Names)
	add("config", c.Config)
	add("format", c.Format)
	add("filters", c.Filters)
	add("quiet", c.Quiet)
	add("all", c.All)
	add("no-trunc", c.NoTrunc)
	add("digests", c.Digests)
	add("force", c.Force)
	add("of-images", c.OfImages)
	add("username", c.Username)
	add("stdin", c.PasswordStdin)
	return strings.Join(parts, " ")
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		// Builds, in all forms.
		{"build .", "build args=."},
		{"build -t shop .", "build args=-t shop ."},
		{"build --tag=shop:1 -f Dockerfile.prod --build-arg A=1 .", "build args=--tag=shop:1 -f Dockerfile.prod --build-arg A=1 ."},
		{"build -q .", "build args=-q ."},
		{"build --iidfile id --metadata-file m.json .", "build args=--iidfile id --metadata-file m.json ."},
		{"build --cache-from shop:latest -t shop .", "build args=--cache-from shop:latest -t shop ."},
		{"build --no-cache --pull .", "build args=--no-cache --pull ."},
		{"build --platform linux/amd64,linux/arm64 -t shop .", "build args=--platform linux/amd64,linux/arm64 -t shop ."},
		{"build --secret id=npm,env=NPM --ssh default .", "build args=--secret id=npm,env=NPM --ssh default ."},
		{"build --target release --label a=b .", "build args=--target release --label a=b ."},
		{"build --compress --squash --rm --force-rm .", "build args=--compress --squash --rm --force-rm ."},
		{"build --memory 2g --cpu-shares 2 --ulimit nofile=1 .", "build args=--memory 2g --cpu-shares 2 --ulimit nofile=1 ."},
		{"build -", "build args=-"},
		{"build -f - .", "build args=-f - ."},
		{"build https://github.com/acme/shop.git#main:api", "build args=https://github.com/acme/shop.git#main:api"},
		{"build --unknown .", "build args=--unknown ."},
		{"build", "build"},
		{"build --push -t r/shop .", "build args=--push -t r/shop ."},
		{"build --output type=local,dest=out .", "build args=--output type=local,dest=out ."},
		{"build --check .", "build args=--check ."},
		{"buildx build -t shop .", "build args=-t shop ."},
		{"buildx b -t shop .", "build args=-t shop ."},
		{"buildx --builder ci build .", "build args=--builder=ci ."},
		{"buildx --builder=ci build --load .", "build args=--builder=ci --load ."},
		{"buildx -D build .", "build args=."},
		{"image build -t shop .", "build args=-t shop ."},
		{"builder build -t shop .", "build args=-t shop ."},
		{"builder --builder ci build .", "build args=--builder=ci ."},
		{"--config /cfg build -t shop .", "build args=-t shop . config=/cfg"},
		{"--config=/cfg buildx build .", "build args=. config=/cfg"},
		{"-D build .", "build args=."},
		{"--debug -l debug build .", "build args=."},
		{"--log-level=error build .", "build args=."},

		{"tag shop r/shop:1", "tag names=[shop r/shop:1]"},
		{"image tag shop:1 r/shop:1", "tag names=[shop:1 r/shop:1]"},
		{"tag 4f3c0a1b2c3d r/shop", "tag names=[4f3c0a1b2c3d r/shop]"},
		{"tag shop", "docker words=tag misuse=docker: 'docker tag' requires 2 arguments"},
		{"tag", "docker words=tag misuse=docker: 'docker tag' requires 2 arguments"},
		{"tag a b c", "docker words=tag misuse=docker: 'docker tag' requires 2 arguments"},
		{"tag --force a b", "docker words=tag misuse=unknown flag: --force"},
		{"--config /cfg tag a b", "tag names=[a b] config=/cfg"},

		{"push r/shop:1", "push names=[r/shop:1]"},
		{"push r/shop", "push names=[r/shop]"},
		{"image push r/shop:1", "push names=[r/shop:1]"},
		{"push -q r/shop:1", "push names=[r/shop:1] quiet=true"},
		{"push --quiet=true r/shop:1", "push names=[r/shop:1] quiet=true"},
		{"push -a r/shop", "push names=[r/shop] all=true"},
		{"push --all-tags r/shop", "push names=[r/shop] all=true"},
		{"push -aq r/shop", "push names=[r/shop] quiet=true all=true"},
		{"push r/shop:1 --quiet", "push names=[r/shop:1] quiet=true"},
		{"push --disable-content-trust r/shop:1", "push names=[r/shop:1]"},
		{"push --platform linux/arm64 r/shop:1", "docker words=push why=docker push --platform chooses part of an image"},
		{"push", "docker words=push misuse=docker: 'docker push' requires 1 argument"},
		{"push a b", "docker words=push misuse=docker: 'docker push' requires 1 argument"},
		{"push --unknown a", "docker words=push misuse=unknown flag: --unknown"},

		{"inspect shop", "inspect names=[shop]"},
		{"inspect a b", "inspect names=[a b]"},
		{"inspect --type image shop", "inspect names=[shop] of-images=true"},
		{"inspect --type=image -f {{.Id}} shop", "inspect names=[shop] format={{.Id}} of-images=true"},
		{"inspect --format={{.Id}} shop", "inspect names=[shop] format={{.Id}}"},
		{"inspect -s shop", "inspect names=[shop]"},
		{"inspect --type container shop", "docker words=inspect"},
		{"inspect --type network x", "docker words=inspect"},
		{"inspect", "docker words=inspect misuse=docker: 'docker inspect' requires at least 1 argument"},
		{"inspect --unknown shop", "docker words=inspect misuse=unknown flag: --unknown"},
		{"image inspect shop", "inspect names=[shop] of-images=true"},
		{"image inspect -f {{.Os}} shop", "inspect names=[shop] format={{.Os}} of-images=true"},
		{"image inspect --platform linux/arm64 shop", "docker words=image inspect why=docker image inspect --platform chooses part of an image"},
		{"image inspect --type image shop", "docker words=image inspect misuse=unknown flag: --type"},
		{"container inspect shop", "docker words=container inspect"},
		{"volume inspect shop", "docker words=volume"},

		{"images", "images"},
		{"images shop", "images names=[shop]"},
		{"images -q shop", "images names=[shop] quiet=true"},
		{"images -a", "images all=true"},
		{"images -aq", "images quiet=true all=true"},
		{"images --no-trunc --digests", "images no-trunc=true digests=true"},
		{"images --format {{.ID}}", "images format={{.ID}}"},
		{"images --format json", "images format=json"},
		{"images --format {{.Repository}}:{{.Tag}} --filter reference=shop", "images format={{.Repository}}:{{.Tag}} filters=[reference=shop]"},
		{"images -f dangling=true -f label=a", "images filters=[dangling=true label=a]"},
		{"images --tree", "docker words=images misuse=unknown flag: --tree"},
		{"images a b", "docker words=images misuse=docker: 'docker images' requires at most 1 argument"},
		{"image ls", "images"},
		{"image list -q", "images quiet=true"},
		{"image ls shop:1", "images names=[shop:1]"},

		{"rmi shop", "remove names=[shop]"},
		{"rmi -f a b", "remove names=[a b] force=true"},
		{"rmi --no-prune a", "remove names=[a]"},
		{"rmi --platform linux/arm64 a", "docker words=rmi why=docker rmi --platform removes part of an image"},
		{"rmi", "docker words=rmi misuse=docker: 'docker rmi' requires at least 1 argument"},
		{"image rm a", "remove names=[a]"},
		{"image rmi a", "remove names=[a]"},
		{"image remove --force a", "remove names=[a] force=true"},

		{"login", "login"},
		{"login r.example", "login names=[r.example]"},
		{"login --username AWS --password-stdin r.example", "login names=[r.example] username=AWS stdin=true"},
		{"login -u AWS -p secret r.example", "login names=[r.example] username=AWS"},
		{"login a b", "docker words=login misuse=docker: 'docker login' requires at most 1 argument"},
		{"login --unknown", "docker words=login misuse=unknown flag: --unknown"},
		{"--config /cfg login -u AWS --password-stdin r.example", "login names=[r.example] config=/cfg username=AWS stdin=true"},
		{"logout", "logout"},
		{"logout r.example", "logout names=[r.example]"},

		// What only docker answers.
		{"", "docker"},
		{"--version", "docker"},
		{"-v", "docker"},
		{"--help", "docker"},
		{"version", "docker words=version"},
		{"info", "docker words=info"},
		{"ps -a", "docker words=ps"},
		{"run --rm shop", "docker words=run"},
		{"run -v /a:/b --name x shop build .", "docker words=run"},
		{"exec x build .", "docker words=exec"},
		{"pull alpine", "docker words=pull"},
		{"image pull alpine", "docker words=image pull"},
		{"save shop", "docker words=save"},
		{"load -i x.tar", "docker words=load"},
		{"import x.tar shop", "docker words=import"},
		{"commit x shop", "docker words=commit"},
		{"history shop", "docker words=history"},
		{"image history shop", "docker words=image history"},
		{"image prune -f", "docker words=image prune"},
		{"image", "docker words=image"},
		{"system prune", "docker words=system"},
		{"compose up -d", "docker words=compose"},
		{"buildx", "docker words=buildx"},
		{"buildx create --use", "docker words=buildx create"},
		{"buildx ls", "docker words=buildx ls"},
		{"buildx version", "docker words=buildx version"},
		{"buildx imagetools create -t a b", "docker words=buildx imagetools"},
		{"buildx bake", "bake"},
		{"buildx bake --push", "bake args=--push"},
		{"buildx f -f a.hcl --push api", "bake args=-f a.hcl --push api"},
		{"buildx --builder ci bake --push", "bake args=--builder=ci --push"},
		{"compose build", "compose"},
		{"compose -f a.yaml --file=b.yaml -p shop build --build-arg A=1 -q api", "compose before=-f a.yaml --file=b.yaml -p shop after=--build-arg A=1 -q api files=[a.yaml b.yaml] progress=quiet"},
		{"compose --progress plain --profile build build --provenance=false --ssh web", "compose before=--progress plain --profile build after=--provenance=false --ssh web progress=plain attestations=[--provenance=false]"},
		{"compose build --push --pull --no-cache --with-dependencies", "compose after=--push --pull --no-cache --with-dependencies push=true"},
		{"--config /cfg compose build", "compose config=/cfg"},
		{"compose build --builder ci", "docker words=compose why=--builder chooses another builder"},
		{"compose build --print", "docker words=compose"},
		{"compose build --check", "docker words=compose"},
		{"compose --dry-run build", "docker words=compose"},
		{"compose build --help", "docker words=compose"},
		{"compose --help", "docker words=compose"},
		{"compose", "docker words=compose"},
		{"compose push", "compose push"},
		{"compose -f a.yaml push -q api --ignore-push-failures web", "compose push before=-f a.yaml flags=[--ignore-push-failures=true --quiet=true] ignore-failures=true names=[api web] quiet=true"},
		{"compose push --include-deps api", "compose push dependencies=true names=[api]"},
		{"compose push --unknown", "docker words=compose"},
		{"compose push --help", "docker words=compose"},
		{"compose --dry-run push", "docker words=compose"},
		{"compose up --build", "docker words=compose"},
		{"buildx bake --print", "bake args=--print"},
		{"buildx bake --load", "bake args=--load"},
		{"buildx --unknown build .", "docker words=buildx --unknown"},
		{"builder prune", "docker words=builder prune"},
		{"manifest create a b", "docker words=manifest"},
		{"context use x", "docker words=context"},
		{"search alpine", "docker words=search"},
		{"push --help", "docker words=push"},
		{"build --help", "docker words=build"},
		{"build -h", "docker words=build"},
		{"images --help", "docker words=images"},
		{"nonsense", "docker words=nonsense"},
		{"-H tcp://far:2375 build .", "docker why=--host selects another docker daemon"},
		{"--host=ssh://far push a", "docker why=--host selects another docker daemon"},
		{"-c far images", "docker why=--context selects another docker daemon"},
		{"--context far build .", "docker why=--context selects another docker daemon"},
		{"--tlsverify --tlscacert ca build .", "docker why=--tlsverify selects another docker daemon"},
		{"--unknown build .", "docker"},
	} {
		t.Run(c.line, func(t *testing.T) {
			assert.Equal(t, c.want, decision(Parse(strings.Fields(c.line))))
		})
	}
}

func TestNeedsAllImages(t *testing.T) {
	for line, want := range map[string]bool{
		"compose up -d": true, "compose -f x.yaml run web": true, "compose config": false, "compose down": false, "compose": false,
		"compose create": true, "compose ps": false, "stack rm s": false, "buildx imagetools create -t a b": false,
		"stack deploy -c x.yaml s": true, "buildx bake": true, "buildx ls": false, "buildx create --use": false, "run shop": false, "": false,
	} {
		assert.Equal(t, want, Parse(strings.Fields(line)).NeedsAllImages(), line)
	}
}

func TestMayReplaceImages(t *testing.T) {
	for line, want := range map[string]bool{
		"compose up -d": true, "compose build --builder ci": true, "compose ps": false, "load -i x.tar": true, "image load": true,
		"pull -a shop": true, "image pull --all-tags shop": true, "pull shop": false, "run shop": false, "create shop": false,
		"pull -qa shop": true, "pull --all-tags=true shop": true, "pull --all-tags=false shop": false, "pull -q shop": false,
		"run --rm --pull always shop": true, "container create --pull=always shop": true, "run --pull missing shop": false, "run --pull": false,
		"run --pull missing --pull always shop": true, "run --name --pull --pull always shop": true, "run always": false,
		"ps": false, "image prune": false, "volume create": false, "buildx create --use": false, "": false,
	} {
		assert.Equal(t, want, Parse(strings.Fields(line)).MayReplaceImages(), line)
	}
}

func TestReplaces(t *testing.T) {
	for line, want := range map[string][]string{
		"pull shop:1": {"shop:1"}, "image pull -q shop": {"shop"}, "import x.tar shop:1": {"shop:1"}, "commit x shop": {"shop"},
		"container commit -m text x shop": {"shop"}, "commit x": nil, "import x.tar": nil, "run shop": nil, "": nil, "image tag a b": {"b"},
	} {
		assert.Equal(t, want, Parse(strings.Fields(line)).Replaces(), line)
	}
}
