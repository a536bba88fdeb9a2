// Command pulumi-resource-aws is a provider plugin for tests: the code of the Terraform provider for AWS behind Pulumi's
// Terraform bridge, as in Pulumi's own plugin, for machines that the official plugin cannot be downloaded to.
//
// It answers to the resources of resources.json. Names that Pulumi's plugin gives by hand, its data sources and its patches
// to the Terraform provider are not in it.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-provider-aws/xpprovider"
	frameworkbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	sdkshim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// version is that of the npm package whose types the plugin answers to; set by the linker.
var version = "7.0.0"

// resources holds the type token of each Terraform resource.
//
//go:embed resources.json
var resources []byte

func main() {
	info, err := provider(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	frameworkbridge.MainWithMuxer(context.Background(), "aws", *info, []byte(`{"name":"aws","version":"`+version+`"}`))
}

func provider(ctx context.Context) (*tfbridge.ProviderInfo, error) {
	framework, sdk, err := xpprovider.GetProvider(ctx)
	if err != nil {
		return nil, err
	}
	info := &tfbridge.ProviderInfo{
		P:                              frameworkbridge.MuxShimWithPF(ctx, sdkshim.NewProvider(sdk), framework),
		Name:                           "aws",
		Version:                        version,
		ResourcePrefix:                 "aws",
		Resources:                      map[string]*tfbridge.ResourceInfo{},
		DataSources:                    map[string]*tfbridge.DataSourceInfo{},
		EnableZeroDefaultSchemaVersion: true,
		EnableAccuratePFBridgePreview:  true,
		// The SDK's half checks the same configuration.
		SkipValidateProviderConfigForPluginFramework: true,
	}
	var tokenOf map[string]tokens.Type
	if err := json.Unmarshal(resources, &tokenOf); err != nil {
		return nil, fmt.Errorf("resources.json: %w", err)
	}
	for name, token := range tokenOf {
		if _, ok := info.P.ResourcesMap().GetOk(name); !ok {
			return nil, fmt.Errorf("resources.json: the Terraform provider has no resource %s", name)
		}
		resource := special[name]
		if resource == nil {
			resource = &tfbridge.ResourceInfo{}
		}
		resource.Tok = token
		info.Resources[name] = resource
	}
	info.SetAutonaming(255, "-")
	return info, setDispatch(info)
}

// setDispatch says which half of the provider serves a resource: the one on Terraform's SDK or the one on its plugin
// framework. Pulumi's generator writes this down beforehand; here it is worked out at the start.
func setDispatch(info *tfbridge.ProviderInfo) error {
	shim, ok := info.P.(interface {
		ResolveDispatch(*tfbridge.ProviderInfo) (muxer.DispatchTable, error)
	})
	if !ok {
		return fmt.Errorf("the bridge joins providers in a way that is not known here: %T", info.P)
	}
	table, err := shim.ResolveDispatch(info)
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(map[string]muxer.DispatchTable{"mux": table})
	if err != nil {
		return err
	}
	info.MetadataInfo = tfbridge.NewProviderMetadata(metadata)
	return nil
}
