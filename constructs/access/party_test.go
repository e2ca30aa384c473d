package access_test

import (
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

func TestEveryProblemOfAParty(t *testing.T) {
	const everybody = "Readers[0]: would allow everybody; set Account, OrganizationID or OrganizationPaths"
	const pathFix = "; give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"
	for name, c := range map[string]struct {
		party *access.Party
		want  []string
	}{
		"nil":                            {nil, []string{everybody}},
		"an empty party":                 {&access.Party{}, []string{everybody}},
		"only a role path":               {&access.Party{RolePath: jsii.String("/ci/")}, []string{everybody}},
		"an empty list of paths":         {&access.Party{OrganizationPaths: &[]*string{}}, []string{"Readers[0].OrganizationPaths: is empty" + pathFix}},
		"a valid account":                {&access.Party{Account: jsii.String("111111111111")}, nil},
		"valid paths of an organization": {&access.Party{OrganizationPaths: jsii.Strings("o-a1b2c3d4e5/*", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/")}, nil},
		"wildcards in every field": {
			&access.Party{Account: jsii.String("*"), OrganizationID: jsii.String("*"), OrganizationPaths: &[]*string{jsii.String("*"), nil}, RolePath: jsii.String("*")},
			[]string{
				`Readers[0].OrganizationPaths[0]: "*" has the wrong form` + pathFix,
				`Readers[0].OrganizationPaths[1]: is nil` + pathFix,
				`Readers[0].Account: "*" has the wrong form; give the 12 digits of the account`,
				`Readers[0].OrganizationID: "*" has the wrong form; give the organization's id, such as o-a1b2c3d4e5`,
				`Readers[0].RolePath: "*" has the wrong form; give a path that starts and ends with a slash, such as /ci/release/`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range access.CheckAll("Readers", &[]*access.Party{c.party}) {
				got = append(got, p.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
	assert.Empty(t, access.CheckAll("Readers", nil))
}

func TestConditionsNarrowAStatementToTheParty(t *testing.T) {
	stack := synthtest.Stack()
	for name, c := range map[string]struct {
		party access.Party
		want  string
	}{
		"an account":                         {access.Party{Account: jsii.String("111111111111")}, ""},
		"an organization":                    {access.Party{OrganizationID: jsii.String("o-a1b2c3d4e5")}, "StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5"},
		"a part of an organization":          {access.Party{OrganizationPaths: jsii.Strings("o-a1b2c3d4e5/r-ab12/*")}, "ForAnyValue:StringLike=aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/*"},
		"roles of an account":                {access.Party{Account: jsii.String("111111111111"), RolePath: jsii.String("/ci/")}, "ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::111111111111:role/ci/*"},
		"roles of any account, by role path": {access.Party{RolePath: jsii.String("/ci/")}, "ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::*:role/ci/*"},
	} {
		t.Run(name, func(t *testing.T) {
			conditions := c.party.Conditions(stack)
			if c.want == "" {
				assert.Empty(t, conditions)
				return
			}
			document := stack.Resolve(map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Action": "a", "Condition": conditions}}})
			assert.Equal(t, []string{"Allow a if " + c.want}, synthtest.Statements(document))
		})
	}
}
