"""Tensors as JSON, in the row and the columnar format of TF Serving.

The rules, and the words of the errors, are those of TF Serving's
`util/json_tensor.cc`: {"instances": [row, ...]} with a value for each input in
every row, or {"inputs": {name: tensor, ...}}; every input must be given, also
one that has a default by gRPC; bytes that are no text are {"b64": "..."}.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

import grpc
import numpy as np
import tensorflow as tf

from tfrs_timirec.serving.server.micro_batches import Arrays
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    invalid_argument,
)
from tfrs_timirec.serving.server.signature import MAX_RANK, Signature

Format = Literal["row", "columnar"]

_MAX_SHOWN = 256


def parse_body(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a request.

    Args:
        body: UTF-8 text.

    Raises:
        ServingError: if it is no JSON object, or its signature name is no
            string.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except json.JSONDecodeError as error:
        raise invalid_argument(
            f"JSON Parse error: {error.msg} at offset: {error.pos}"
        ) from error
    # Not UTF-8, a number of thousands of digits, or nested too deeply.
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {_show(document)} Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid_argument(
            f"JSON Value: {_show(document)} not formatted correctly."
            " 'signature_name' key must be a string value."
        )
    return document


def read_inputs(
    document: Mapping[str, Any], signature: Signature
) -> tuple[dict[str, np.ndarray], Format]:
    """Returns a request's arrays by name, and the format it came in.

    Args:
        document: what `parse_body` returned.
        signature: what is asked for.

    Raises:
        ServingError: if the values do not fit the signature.
    """
    keys = [key for key in ("inputs", "instances") if key in document]
    if len(keys) != 1:
        raise invalid_argument(
            f"JSON Value: {_show(document)} Not formatted correctly expecting"
            " only one of 'inputs' or 'instances' keys to exist"
            if keys
            else "Missing 'inputs' or 'instances' key"
        )
    try:
        if keys == ["inputs"]:
            return _read_columns(document["inputs"], signature), "columnar"
        return _read_rows(document["instances"], signature), "row"
    except RecursionError as error:
        raise invalid_argument(f"JSON Parse error: {error}") from error


def write_outputs(outputs: Arrays, answer_format: Format) -> bytes:
    """Returns the JSON of an answer.

    Args:
        outputs: arrays by name.
        answer_format: the format of the request.

    Raises:
        ServingError: if the rows of the outputs differ in number, or bytes are
            no text.
    """
    values = {name: _to_json(name, array) for name, array in outputs.items()}
    if answer_format == "columnar":
        content = values if len(values) > 1 else next(iter(values.values()))
        return json.dumps({"outputs": content}).encode()
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid_argument(
                f"Tensor name: {name} has no shape information "
            )
    if len({len(array) for array in outputs.values()}) > 1:
        raise invalid_argument(
            "Tensors have inconsistent batch sizes: "
            + ", ".join(
                f"{name}: {len(array)}" for name, array in values.items()
            )
        )
    rows: list[Any] = list(zip(*values.values(), strict=True))
    if len(values) > 1:
        rows = [dict(zip(values, row, strict=True)) for row in rows]
    else:
        rows = [row[0] for row in rows]
    return json.dumps({"predictions": rows}).encode()


def _read_columns(value: Any, signature: Signature) -> dict[str, np.ndarray]:
    if not isinstance(value, dict) or _is_base64(value):
        if len(signature.inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as"
                " multiple input tensors required as per tensorinfo_map"
            )
        value = dict.fromkeys(signature.inputs, value)
    for name in signature.inputs:
        if name not in value:
            raise invalid_argument(
                f"Missing named input: {name} in 'inputs' object."
            )
    shapes = {name: _shape_of(value[name]) for name in signature.inputs}
    for name, shape in shapes.items():  # Before a value is read.
        signature.check_shape(name, shape)
    return {
        name: _to_array(value[name], shape, signature.inputs[name].dtype)
        for name, shape in shapes.items()
    }


def _read_rows(rows: Any, signature: Signature) -> dict[str, np.ndarray]:
    if not isinstance(rows, list):
        raise invalid_argument("Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid_argument("No values in 'instances' array")
    names = list(signature.inputs)
    named = _is_named_row(rows[0])
    if not named and len(names) != 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as"
            " multiple input tensors required as per tensorinfo_map"
        )
    columns: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if named != _is_named_row(row):
            raise invalid_argument(
                f"Expecting object but got list at item {number} of input list"
                if named
                else "Expecting value/list but got object at item"
                f" {number} of input list"
            )
        values = row if named else {names[0]: row}
        if set(values) != set(names):
            raise invalid_argument(
                f"Failed to process element: {number} of 'instances' list."
                f" JSON object: {_show(row)} keys must be equal to:"
                f" {','.join(names)}"
            )
        for name, value in values.items():
            shape = _shape_of(value)
            if not number:
                signature.check_shape(name, [len(rows), *shape])
            elif (first := list(columns[name][0].shape)) != shape:
                raise invalid_argument(
                    f"Failed to process element: {number} key: {name} of"
                    " 'instances' list. Error: INVALID_ARGUMENT: Expecting"
                    f" shape {first} but got: {shape}"
                )
            columns[name].append(
                _to_array(value, shape, signature.inputs[name].dtype)
            )
    return {name: np.stack(arrays) for name, arrays in columns.items()}


def _shape_of(value: Any) -> list[int]:
    """Returns the shape that the first value of each level announces."""
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > MAX_RANK:
        raise invalid_argument(
            f"Encountered list at unexpected level: {MAX_RANK} expected <"
            f" {MAX_RANK}"
        )
    return shape


def _to_array(value: Any, shape: list[int], dtype: tf.DType) -> np.ndarray:
    # TensorFlow takes longer to tell the bounds than all else a value needs.
    integers = range(dtype.min, dtype.max + 1) if dtype.is_integer else range(0)
    flat: list[Any] = []
    _flatten(value, 0, shape, flat)
    scalars = [_to_scalar(inner, dtype, integers) for inner in flat]
    with np.errstate(over="ignore"):  # What is too large becomes infinite.
        return np.array(scalars, dtype.as_numpy_dtype).reshape(shape)


def _flatten(value: Any, level: int, shape: list[int], flat: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {_show(value)} found at incorrect level:"
                f" {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            )
        flat.append(value)
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected <"
            f" {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level:"
            f" {level} expected size: {shape[level]}"
        )
    for inner in value:
        _flatten(inner, level + 1, shape, flat)


def _to_scalar(value: Any, dtype: tf.DType, integers: range) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        if dtype.is_integer:
            if is_number and isinstance(value, int) and value in integers:
                return value
        elif dtype.is_floating:
            if is_number:
                return float(value)
        elif dtype == tf.string:
            if isinstance(value, str):
                return value.encode()
            if _is_base64(value):
                return _from_base64(value["b64"])
        elif dtype == tf.bool and isinstance(value, bool):
            return value
    except (UnicodeEncodeError, OverflowError):
        pass  # Half a surrogate pair; an integer beyond all floats.
    raise invalid_argument(
        f"JSON Value: {_show(value)} Type: {_type_name(value)} is not of"
        f" expected type: {dtype.name}"
    )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise invalid_argument("Unable to base64 decode") from error


def _to_json(name: str, array: np.ndarray) -> Any:
    values = array.tolist()
    if array.dtype != object:
        return values
    as_bytes = name.endswith("_bytes")
    try:
        return _decode(values, as_bytes)
    except UnicodeDecodeError as error:
        raise ServingError(
            grpc.StatusCode.INTERNAL,
            f"Output {name!r} holds bytes that are no UTF-8 text; an output"
            f" '{name}_bytes' would come as base64.",
        ) from error


def _decode(value: Any, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_decode(inner, as_bytes) for inner in value]
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode()


def _is_base64(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and list(value) == ["b64"]
        and isinstance(value["b64"], str)
    )


def _is_named_row(row: Any) -> bool:
    return isinstance(row, dict) and not _is_base64(row)


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), "Number")


def _show(value: Any) -> str:
    """Returns the beginning of a value as JSON."""
    try:
        text = repr(value) if isinstance(value, float) else json.dumps(value)
    except RecursionError:  # What is read may be too deep to be written.
        text = type(value).__name__
    return text[:_MAX_SHOWN]
