"""The experiment spec: YAML with positions, overrides, checks, diagnostics, the resolved form and the JSON Schema."""
