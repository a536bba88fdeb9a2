//go:build tools

// Package engine pins the Pulumi engine that tools/pulumi-engine.mjs builds where no official release can be had.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
