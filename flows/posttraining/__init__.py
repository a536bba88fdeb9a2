"""Post-training of language models: what the flows, the driver and the commands share."""

# Metaflow then ships this package with the code of every flow that imports it.
METAFLOW_PACKAGE_POLICY = "include"
