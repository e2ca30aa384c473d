package bake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source makes a working directory with links, next to files that do not belong to it, and returns it.
func source(t *testing.T) string {
	outer, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	dir := filepath.Join(outer, "src")
	for _, folder := range []string{"src/sub", "src2", "outside/folder", "outside/tagged", "src/named:latest"} {
		require.NoError(t, os.MkdirAll(filepath.Join(outer, folder), 0o755))
	}
	for _, name := range []string{"src/key", "outside/secret", "outside/key"} {
		require.NoError(t, os.WriteFile(filepath.Join(outer, name), []byte("x"), 0o600))
	}
	for link, target := range map[string]string{
		"folder": "../outside/folder", "file": filepath.Join(outer, "outside/secret"), "inside": filepath.Join(dir, "sub"), "loop": "loop",
		"docker-image:": "../outside", "https:": "../outside", "layout@": "../outside",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	return dir
}

func TestWhatATargetMayAskFor(t *testing.T) {
	none := map[string]string{}
	for _, c := range []struct {
		name, target string
		// flag is the part after --allow= in the refusal; OUTER stands for the folder above the working directory; ""
		// means that nothing is refused.
		flag string
	}{
		{"the working directory", `{"context":".","dockerfile":"Dockerfile"}`, ""},
		{"a folder in it", `{"context":"sub","dockerfile":"cwd://key"}`, ""},
		{"a folder in it by its absolute path", `{"context":"OUTER/src/sub"}`, ""},
		{"a link that stays in it", `{"context":"inside"}`, ""},
		{"a context outside", `{"context":"../outside"}`, "fs.read=../outside"},
		{"the folder above", `{"context":".."}`, "fs.read=.."},
		{"an absolute context", `{"context":"OUTER/outside"}`, "fs.read=OUTER/outside"},
		{"a context of the working directory of a remote file", `{"context":"cwd://../outside"}`, "fs.read=../outside"},
		{"a folder with a longer name", `{"context":"../src2"}`, "fs.read=../src2"},
		{"a context behind a link", `{"context":"folder"}`, "fs.read=OUTER/outside/folder"},
		{"a link with the name of an address", `{"context":"https://example.com/shop.git#main:sub"}`, "fs.read=OUTER/outside"},
		{"a Git repository", `{"context":"git://example.com/shop.git"}`, ""},
		{"a Git repository by SSH", `{"context":"git@example.com:shop.git"}`, "ssh"},
		{"a Git repository by an address of SSH", `{"context":"ssh://git@example.com/shop.git"}`, "ssh"},
		{"a named context outside", `{"context":".","contexts":{"a":"../outside"}}`, "fs.read=../outside"},
		{"a named context of the working directory", `{"context":".","contexts":{"a":"cwd://../outside"}}`, "fs.read=../outside"},
		{"another target and an image as contexts", `{"context":".","contexts":{"a":"target:b","c":"docker-image2://alpine:3"}}`, ""},
		{"a folder with the name of an image", `{"context":".","contexts":{"a":"docker-image:/secret"}}`, "fs.read=OUTER/outside/secret"},
		{"an OCI layout inside", `{"context":".","contexts":{"a":"oci-layout://sub:v1"}}`, ""},
		{"an OCI layout outside", `{"context":".","contexts":{"a":"oci-layout://../outside/tagged:v1"}}`, "fs.read=../outside/tagged"},
		{"an OCI layout with a digest", `{"context":".","contexts":{"a":"oci-layout://OUTER/outside/tagged:v1@sha256:0000000000000000000000000000000000000000000000000000000000000000"}}`, "fs.read=OUTER/outside/tagged"},
		{"an OCI layout in a folder that looks like a tag", `{"context":".","contexts":{"a":"oci-layout://named:latest"}}`, ""},
		{"an OCI layout behind a link that looks like a digest", `{"context":".","contexts":{"a":"oci-layout://layout@"}}`, "fs.read=OUTER/outside"},
		{"a Dockerfile outside", `{"context":".","dockerfile":"../outside/secret"}`, "fs.read=../outside/secret"},
		{"a Dockerfile outside by its absolute path", `{"context":"sub","dockerfile":"OUTER/outside/secret"}`, "fs.read=OUTER/outside/secret"},
		{"a Dockerfile of the working directory", `{"context":"sub","dockerfile":"cwd://../outside/secret"}`, "fs.read=../outside/secret"},
		{"a Dockerfile that is not used", `{"context":".","dockerfile":"../outside/secret","dockerfile-inline":"FROM scratch"}`, "fs.read=../outside/secret"},
		{"a secret in the working directory", `{"context":".","secret":[{"id":"a","src":"key"}]}`, ""},
		{"a secret outside", `{"context":".","secret":[{"id":"a","src":"../outside/secret"}]}`, "fs.read=../outside/secret"},
		{"a secret behind a link", `{"context":".","secret":[{"id":"a","src":"file"}]}`, "fs.read=OUTER/outside/secret"},
		{"a secret above a link", `{"context":".","secret":[{"id":"a","src":"folder/../secret"}]}`, "fs.read=OUTER/outside/secret"},
		{"a secret that does not exist", `{"context":".","secret":[{"id":"a","src":"none/../../outside/secret"}]}`, "fs.read=../outside/secret"},
		{"a secret in a folder that does not exist", `{"context":".","secret":[{"id":"a","src":"../outside/none/secret"}]}`, "fs.read=OUTER/outside"},
		{"a secret in a variable", `{"context":".","secret":[{"id":"a","env":"HOME"},{"id":"SET"}]}`, ""},
		{"a secret with a file's name as its id", `{"context":".","secret":[{"id":"/proc/self/environ"}]}`, "fs.read=/proc/self/environ"},
		{"a key", `{"context":".","ssh":[{"id":"a","paths":["key"]}]}`, ""},
		{"a key outside", `{"context":".","ssh":[{"id":"a","paths":["key","../outside/secret"]}]}`, "fs.read=../outside/secret"},
		{"the agent", `{"context":".","ssh":[{"id":"default"}]}`, "ssh"},
		{"an image", `{"context":".","output":[{"type":"image","push":"true"},{"type":"docker"}]}`, ""},
		{"an output in the working directory", `{"context":".","output":[{"type":"local","dest":"out"},{"type":"tar","dest":"-"}]}`, ""},
		{"a folder as the output", `{"context":".","output":[{"type":"local","dest":"../outside"}]}`, "fs.write=../outside"},
		{"a tar as the output", `{"context":".","output":[{"type":"tar","dest":"../outside/new"}]}`, "fs.write=OUTER/outside"},
		{"an image in a file", `{"context":".","output":[{"type":"oci","dest":"file"}]}`, "fs.write=OUTER/outside/secret"},
		{"a docker image in a file", `{"context":".","output":["type=docker,dest=../outside"]}`, "fs.write=../outside"},
		{"an output with an attribute in capitals, which layercache repeats", `{"context":".","output":[{"type":"local","dest":"out","DEST":"../outside"}]}`, "fs.write=../outside"},
		{"an output that deletes", `{"context":".","output":[{"type":"local","dest":"out","mode":"delete"}]}`, "buildx.local.delete"},
		{"a local cache", `{"context":".","cache-from":[{"type":"local","src":"sub"}],"cache-to":[{"type":"local","dest":"sub"}]}`, ""},
		{"a local cache to read outside", `{"context":".","cache-from":[{"type":"local","src":"../outside"}]}`, "fs.read=../outside"},
		{"a local cache to write outside", `{"context":".","cache-to":[{"type":"local","dest":"../outside"}]}`, "fs.write=../outside"},
		{"a local cache that names another folder too", `{"context":".","cache-to":[{"type":"local","src":"sub","dest":"../outside"}]}`, "fs.write=../outside"},
		{"another cache", `{"context":".","cache-to":[{"type":"registry","ref":"a/b","dest":"../outside"}]}`, ""},
		{"the network of the machine", `{"context":".","network":"host","entitlements":["network.host"]}`, "network.host"},
		{"all privileges", `{"context":".","entitlements":["security.insecure"]}`, "security.insecure"},
		{"all devices", `{"context":".","entitlements":["device"]}`, "device"},
		{"a device", `{"context":".","entitlements":["device=vendor.com/device=gpu"]}`, "device=vendor.com/device=gpu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := source(t)
			outer := filepath.Dir(dir)
			target := strings.ReplaceAll(c.target, "OUTER", outer)
			flag := strings.ReplaceAll(c.flag, "OUTER", outer)
			err := refused(t, dir, target, none)
			if flag == "" {
				assert.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Regexp(t, "^target shop: .*: allow it with --allow=", err.Error())
			assert.True(t, strings.HasSuffix(err.Error(), "--allow="+flag), err.Error())
			assert.NoError(t, refused(t, dir, target, none, "--allow="+flag), "the flag of the message allows it")
			assert.Error(t, refused(t, dir, target, none, "--allow=fs="+filepath.Join(outer, "src2", "x"), "--allow=fs.none=*"), "another flag does not")
		})
	}
}

// refused returns the refusal of a target in the working directory dir.
func refused(t *testing.T, dir, target string, environment map[string]string, args ...string) error {
	t.Helper()
	targets, err := ReadTargets([]byte(`{"target":{"shop":` + target + `}}`))
	require.NoError(t, err)
	privileges, err := ParseArgs(args).Privileges(dir, func(name string) (string, bool) {
		value, found := environment[name]
		return value, found || name == "SET"
	})
	if err != nil {
		return err
	}
	return privileges.Refused(targets[0])
}

const asksForAll = `{"context":"../src2","secret":[{"id":"a","src":"../outside/secret"}],"ssh":[{"id":"default"},{"id":"k","paths":["../outside/key"]}],
	"output":[{"type":"local","dest":"../outside"}],"cache-from":[{"type":"local","src":"../outside/folder"}],"cache-to":[{"type":"local","dest":"../outside/folder"}],
	"entitlements":["network.host","security.insecure","device=gpu"]}`

func TestWhatTheCommandLineAllows(t *testing.T) {
	const read, written, ssh, rights = "its context", "its output", "--allow=ssh", "entitlement"
	for _, c := range []struct {
		name        string
		args        []string
		environment map[string]string
		// left are parts of the refusal; gone are not.
		left, gone []string
	}{
		{"nothing", nil, nil, []string{read, written, ssh, rights, "its secret", "its SSH key", "its local cache"}, nil},
		{"reading", []string{"--allow=fs.read=../outside", "--allow=fs.read=../src2"}, nil, []string{written, ssh, rights}, []string{"fs.read"}},
		{"writing", []string{"--allow=fs.write=../outside"}, nil, []string{read, ssh, rights}, []string{"fs.write"}},
		{"both", []string{"--allow=fs=OUTER"}, nil, []string{ssh, rights}, []string{"fs."}},
		{"all files", []string{"--allow", "fs=*"}, nil, []string{ssh, rights}, []string{"fs."}},
		{"a folder below", []string{"--allow=fs=../outside/folder"}, nil, []string{read, written}, []string{"its local cache"}},
		{"the agent", []string{"--allow=ssh"}, nil, []string{read, rights}, []string{ssh}},
		{"one entitlement", []string{"--allow=network.host"}, nil, []string{"security.insecure", "device"}, []string{"network.host"}},
		{"all devices", []string{"--allow=device"}, nil, []string{"security.insecure"}, []string{"device=gpu"}},
		{"a device", []string{"--allow=device=gpu"}, nil, []string{"security.insecure"}, []string{"device=gpu"}},
		{"another device", []string{"--allow=device=tpu"}, nil, []string{"device=gpu"}, nil},
		{"a cache of --set", []string{"--set=*.cache-from=type=local,src=../outside/folder"}, nil, []string{read, "fs.write=../outside/folder"}, []string{"fs.read=../outside/folder"}},
		{"an added cache of --set", []string{"--set=shop.cache-to+=type=local,dest=OUTER/outside/folder"}, nil, []string{read}, []string{"fs.write=../outside/folder"}},
		{"an output of --set", []string{"--set=shop.output=../outside"}, nil, []string{read}, []string{"fs.write"}},
		{"an output of --set in the long form", []string{"--set=shop.output=type=local,dest=../outside"}, nil, []string{read}, []string{"fs.write"}},
		{"a secret of --set", []string{"--set=shop.secrets=id=a,src=../outside/secret"}, nil, []string{read}, []string{"its secret"}},
		{"one secret of --set", []string{"--set=shop.secret.a=src=../outside/secret"}, nil, []string{read}, []string{"its secret"}},
		{"a key of --set", []string{"--set=shop.ssh=k=../outside/key"}, nil, []string{read, ssh}, []string{"its SSH key"}},
		{"an entitlement of --set", []string{"--set=shop.entitlements+=network.host"}, nil, []string{"security.insecure"}, []string{"network.host"}},
		{"a context of --set, which buildx refuses as well", []string{"--set=shop.context=../src2"}, nil, []string{read}, nil},
		{"a value of another kind that contains the path", []string{"--set=shop.tags=../outside"}, nil, []string{read, written}, nil},
		{"an argument with the name of an attribute", []string{"--set=shop.args.output=../outside"}, nil, []string{written}, nil},
		{"the variable of buildx", nil, map[string]string{"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}, []string{rights}, []string{"fs.", ssh}},
		{"the variable of buildx, switched on", nil, map[string]string{"BUILDX_BAKE_ENTITLEMENTS_FS": "true"}, []string{read, ssh}, nil},
		{"the variable for remote files, which has no effect on others", nil, map[string]string{"BAKE_ALLOW_REMOTE_FS_ACCESS": "1"}, []string{read, ssh}, nil},
		{"the variable for a remote file", []string{"https://example.com/shop.git"}, map[string]string{"BAKE_ALLOW_REMOTE_FS_ACCESS": "1"}, []string{rights}, []string{"fs.", ssh}},
		{"both variables", []string{"https://example.com/shop.git"}, map[string]string{"BAKE_ALLOW_REMOTE_FS_ACCESS": "1", "BUILDX_BAKE_ENTITLEMENTS_FS": "1"}, []string{read, ssh}, nil},
		{"the variable with another value", nil, map[string]string{"BUILDX_BAKE_ENTITLEMENTS_FS": "no"}, []string{`BUILDX_BAKE_ENTITLEMENTS_FS is "no": set it to true or false`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := source(t)
			var args []string
			for _, argument := range c.args {
				args = append(args, strings.ReplaceAll(argument, "OUTER", filepath.Dir(dir)))
			}
			err := refused(t, dir, asksForAll, c.environment, args...)
			require.Error(t, err)
			for _, part := range c.left {
				assert.ErrorContains(t, err, part)
			}
			for _, part := range c.gone {
				assert.NotContains(t, err.Error(), part)
			}
		})
	}
	everything := []string{"--allow=fs=*", "--allow=ssh", "--allow=network.host", "--allow=security.insecure", "--allow=device=gpu"}
	assert.NoError(t, refused(t, source(t), asksForAll, nil, everything...))
}

// buildx does not escape these values when it prints them.
func TestAValueThatWouldBeEvaluated(t *testing.T) {
	for _, target := range []string{
		`{"context":"${\"..\"}"}`, `{"context":".","contexts":{"a":"%{if true}..%{endif}"}}`, `{"context":".","dockerfile":"${1}"}`,
		`{"context":".","secret":[{"id":"a","src":"${1}"}]}`, `{"context":".","ssh":[{"id":"a","paths":["${1}"]}]}`,
		`{"context":".","ssh":[{"id":"${1}"}]}`, `{"context":".","output":[{"type":"${1}","dest":"a"}]}`,
		`{"context":".","cache-from":[{"type":"${1}","src":"a"}]}`, `{"context":".","cache-to":[{"type":"${1}","dest":"a"}]}`,
		`{"context":".","entitlements":["${1}"]}`, `{"context":".","network":"${1}"}`, `{"context":".","call":"${1}"}`,
		`{"context":".","policy":[{"Files":[{"Filename":"${1}"}]}]}`,
	} {
		assert.ErrorContains(t, refused(t, source(t), target, nil, "--allow=fs=*", "--allow=ssh"), "as an expression: leave out ${ and %{", target)
	}
	harmless := `{"context":".","dockerfile-inline":"RUN $${HOME}","args":{"a":"$${x}"},"labels":{"l":"%%{x}"}}`
	assert.NoError(t, refused(t, source(t), harmless, nil))
}

func TestAPathThatCannotBeChecked(t *testing.T) {
	dir := source(t)
	assert.ErrorContains(t, refused(t, dir, `{"context":"loop"}`, nil), "its context is loop, which cannot be checked: it has too many links")
	assert.ErrorContains(t, refused(t, dir, `{"context":"key/sub"}`, nil), "not a directory")
	assert.ErrorContains(t, refused(t, dir, `{"context":"."}`, nil, "--allow=fs=loop"), "the path loop, which --allow or --set names: it has too many links")
}
