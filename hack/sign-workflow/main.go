// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Command sign-workflow signs a Tekton Pipeline or Task so that Tekton's trusted resources accept it, and checks such a
// signature as Tekton does.
//
// It computes the checksum with Tekton's own code. That code, and the Kubernetes types that it is built with, differ
// between Tekton's versions, and with them the signatures: build it with the modules of the Tekton in your cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const usage = `Usage:
  sign-workflow sign -key KEY FILE      write the signed form of a Pipeline or Task to standard output
  sign-workflow verify -key KEY FILE    check it as Tekton would, with the public key

FILE is YAML or JSON; "-" is standard input. KEY is a PEM file with a private (sign) or public (verify) key,
ECDSA, Ed25519 or RSA. A private key that cosign or "tkn" has encrypted is read with the password in the
environment variable COSIGN_PASSWORD. To sign with a key in a KMS, KEY is its URI, such as
awskms:///ARN, azurekms://VAULT/KEY, gcpkms://PATH or hashivault://KEY.
`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sign-workflow:", err)
		os.Exit(1)
	}
}

// run is main without the process: arguments and streams in, an error out.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("want sign or verify\n" + usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	key := flags.String("key", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *key == "" || flags.NArg() != 1 {
		return errors.New("want -key KEY and one FILE\n" + usage)
	}
	document, err := read(flags.Arg(0), in)
	if err != nil {
		return err
	}
	switch args[0] {
	case "sign":
		return sign(ctx, document, *key, out)
	case "verify":
		return verify(ctx, document, *key)
	default:
		return fmt.Errorf("%q: want sign or verify\n%s", args[0], usage)
	}
}

func read(file string, in io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(file)
}
