"""`tfcli schema`."""

from tfcli.commands.options import Json, Quiet


def schema(json: Json = False, quiet: Quiet = False) -> None:
    """The JSON Schema of a spec, for editors.

    With `# yaml-language-server: $schema=schema.json` as a spec's first line, an editor completes and checks it.

    \b
    Example:
      tfcli schema > schema.json
    """
    import json as json_format

    from tfcli.spec.experiment import Experiment
    from tfcli.spec.schema import json_schema

    print(json_format.dumps(json_schema(Experiment), indent=None if json else 2, ensure_ascii=False))
