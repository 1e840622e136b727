"""Half of the ids that Schemathesis makes up are those of things that are there, so that more than
the refusal of unknown ones is asked."""

import json
import os

import schemathesis

THINGS = json.loads(os.environ.get("SCHEMA_THINGS", "{}"))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters:
        return path_parameters
    path = context.operation.path
    for name, value in list(path_parameters.items()):
        if name != "id" or hash(str(value)) % 2:
            continue
        for kind, there in THINGS.items():
            if f"/{kind}/{{id}}" in path:
                path_parameters[name] = there
    return path_parameters
