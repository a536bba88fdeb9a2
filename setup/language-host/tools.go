//go:build tools

// Package languagehost pins the engine's Node.js language host. It is a module of its own because the last release of the
// SDK's module that holds the host's source (v3.66.0) is older than what the engine's module needs.
package languagehost

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
