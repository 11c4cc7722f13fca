// Stands in for the module of Tekton's Hub, which the module proxy does not serve to everybody: the program tkn is built
// without its command "hub".
module github.com/tektoncd/hub

go 1.26.0

require github.com/spf13/cobra v1.10.2

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
)
