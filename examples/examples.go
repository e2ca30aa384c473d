// Package examples embeds the configurations of the folders next to this file.
// Only the tests need it: to use an example, copy its folder.
package examples

import "embed"

// Files holds the cdk.json of each folder, as FOLDER/cdk.json.
//
//go:embed */cdk.json
var Files embed.FS
