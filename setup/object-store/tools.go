//go:build tools

// Package objectstore pins the S3-compatible server of the local stack.
package objectstore

import _ "github.com/versity/versitygw/cmd/versitygw"
