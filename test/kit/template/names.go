package template

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// generatedName returns a name of CloudFormation's form, STACK-LOGICALID-RANDOM, whose random part is the
// same in every run. Names of repositories and buckets are lower case; a key's is a UUID.
func generatedName(resourceType, stackName, logicalID string) string {
	sum := sha256.Sum256([]byte(stackName + "/" + logicalID))
	random := hex.EncodeToString(sum[:])
	switch resourceType {
	case "AWS::KMS::Key":
		return strings.Join([]string{random[:8], random[8:12], random[12:16], random[16:20], random[20:32]}, "-")
	case "AWS::ECR::Repository", "AWS::S3::Bucket":
		return strings.ToLower(stackName + "-" + logicalID + "-" + random[:12])
	default:
		return stackName + "-" + logicalID + "-" + strings.ToUpper(random[:12])
	}
}
