package template

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// generatedName is a name as CloudFormation makes them, STACK-LOGICALID-RANDOM, with a random part that stays the same
// from run to run. Repository and bucket names are lower case, a key's is a UUID.
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
