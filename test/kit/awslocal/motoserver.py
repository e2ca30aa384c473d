"""Runs moto's server, which deletes resources with the policy RetainExceptOnCreate when it deletes a stack. CloudFormation keeps them."""

import sys

from moto.cloudformation.parsing import ResourceMap
from moto.server import main

delete = ResourceMap.delete


def delete_as_cloudformation(self):
    for resource in self._resource_json_map.values():
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            resource["DeletionPolicy"] = "Retain"
    delete(self)


ResourceMap.delete = delete_as_cloudformation
sys.exit(main(sys.argv[1:]))
