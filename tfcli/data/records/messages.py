"""TensorFlow's Example protos, as messages of the protobuf library: `tf.train.Example` and what it is made of."""

from typing import Any

_PACKAGE = "tensorflow"
_LISTS = (("BytesList", "TYPE_BYTES", False), ("FloatList", "TYPE_FLOAT", True), ("Int64List", "TYPE_INT64", True))
_KINDS = (("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List"))
_MAPS = (("Features", "feature", "Feature"), ("FeatureLists", "feature_list", "FeatureList"))
_MESSAGES = (
    ("FeatureList", (("feature", "Feature", True),)),
    ("Example", (("features", "Features", False),)),
    ("SequenceExample", (("context", "Features", False), ("feature_lists", "FeatureLists", False))),
)


def _described() -> Any:
    """example.proto and feature.proto of TensorFlow, as a descriptor."""
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

    file = FileDescriptorProto(name="tfcli/example.proto", package=_PACKAGE, syntax="proto3")

    def field(message: DescriptorProto, name: str, kind: str, repeated: bool = False) -> FieldDescriptorProto:
        added = message.field.add(name=name, number=len(message.field) + 1)
        added.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
        if kind.startswith("TYPE_"):
            added.type = FieldDescriptorProto.Type.Value(kind)
        else:
            added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
        return added

    for name, kind, packed in _LISTS:
        values = field(file.message_type.add(name=name), "value", kind, repeated=True)
        if packed:
            values.options.packed = True
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for name, kind in _KINDS:
        field(feature, name, kind).oneof_index = 0
    for name, member, kind in _MAPS:
        message = file.message_type.add(name=name)
        pair = f"{member.title().replace('_', '')}Entry"
        entry = message.nested_type.add(name=pair)
        entry.options.map_entry = True
        field(entry, "key", "TYPE_STRING")
        field(entry, "value", kind)
        field(message, member, f"{name}.{pair}", repeated=True)
    for name, members in _MESSAGES:
        message = file.message_type.add(name=name)
        for member, kind, repeated in members:
            field(message, member, kind, repeated)
    return file


def _classes() -> dict[str, Any]:
    from google.protobuf import message_factory
    from google.protobuf.descriptor_pool import DescriptorPool

    pool = DescriptorPool()  # one of our own: TensorFlow may be loaded beside us, and knows these names
    pool.Add(_described())
    found = pool.FindFileByName("tfcli/example.proto").message_types_by_name
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}


_made = _classes()
BytesList, FloatList, Int64List = _made["BytesList"], _made["FloatList"], _made["Int64List"]
Feature, Features, FeatureList = _made["Feature"], _made["Features"], _made["FeatureList"]
FeatureLists, Example, SequenceExample = _made["FeatureLists"], _made["Example"], _made["SequenceExample"]
