"""`docs/asyncapi.yaml`: the public topics as an AsyncAPI 3.0 document, from `schemas.topics`."""

from typing import Any

import yaml

from deploy.local.documents.json_schemas import VALUES
from schemas.topics import SPECS, TopicSpec


def documents() -> dict[str, str]:
    """Return the document; it refers to the JSON Schemas beside it."""
    public = [spec for spec in SPECS if spec.public]
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kith's public topics",
            "version": "1.0.0",
            "description": (
                "What any Kafka client may read. Values are JSON with a `schema_version`; read committed records only. "
                "The prefix `kith.` is the setting KITH_TOPIC_PREFIX."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "KITH_KAFKA_PORT"}},
        "channels": {_name(spec): _channel(spec) for spec in public},
        "operations": {
            f"read_{_name(spec)}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{_name(spec)}"},
                "summary": spec.summary,
            }
            for spec in public
        },
    }
    note = "# Generated from `schemas/topics.py` by `make documents`: change it there.\n"
    return {"asyncapi.yaml": note + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)}


def _name(spec: TopicSpec) -> str:
    return spec.name.replace(".", "_")


def _channel(spec: TopicSpec) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": [spec.cleanup]}
    if spec.cleanup == "delete":
        configuration["retention.ms"] = -1 if spec.retention_ms is None else spec.retention_ms
    binding: dict[str, Any] = {"topicConfiguration": configuration}
    if spec.partitions:
        binding["partitions"] = spec.partitions
    return {
        "address": f"kith.{spec.name}",
        "description": spec.summary,
        "messages": {
            "record": {
                "contentType": "application/json",
                "payload": {"$ref": f"./schemas/{VALUES[spec.name].file}"},
                "bindings": {"kafka": {"key": {"type": "string", "description": f"The {spec.key}."}}},
            }
        },
        "bindings": {"kafka": binding},
    }
