package validation

import "regexp"

// repositoryForm is the pattern of a repository's name in ECR, which has 2 to 256 characters:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html.
var repositoryForm = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$`)

// newRepositoryForm is the pattern of the names that the CDK accepts for a new repository: one separator between two words.
var newRepositoryForm = regexp.MustCompile(`^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*$`)

// IsRepositoryName reports whether a repository in ECR can have the name.
func IsRepositoryName(name string) bool {
	return len(name) >= 2 && len(name) <= 256 && repositoryForm.MatchString(name)
}

// IsNewRepositoryName reports whether a new repository can have the name. The CDK refuses some names that ECR accepts.
func IsNewRepositoryName(name string) bool {
	return IsRepositoryName(name) && newRepositoryForm.MatchString(name)
}
