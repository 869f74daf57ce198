"""What an example of a released data set of features holds -> plain values, checked."""

import numpy as np
import tensorflow as tf

from Schema import InputError


def example(payload):
    """Payload of a tf.train.Example -> its features."""
    return tf.train.Example.FromString(payload).features.feature


def sequence(payload):
    """Payload of a SequenceExample -> (features of its context, lists of features)."""
    found = tf.train.SequenceExample.FromString(payload)
    return found.context.feature, found.feature_lists.feature_list


def text(features, *names):
    """The text that stands under the first of some names that is there.

    Raises:
      InputError: If none is; it says what is there, as all functions here do.
    """
    for name in names:
        if name in features and features[name].bytes_list.value:
            return features[name].bytes_list.value[0].decode("utf-8", "replace")
    raise _lacks(features, " or ".join(names))


def labels(features):
    """The numbers of its classes; [] where they were not released."""
    return list(features["labels"].int64_list.value) if "labels" in features else []


def number(features, name):
    """The number of that name."""
    if name not in features or not features[name].float_list.value:
        raise _lacks(features, name)
    return features[name].float_list.value[0]


def vector(features, name, width):
    """The numbers of that name, float32 [width]."""
    if name not in features:
        raise _lacks(features, name)
    found = np.array(features[name].float_list.value, np.float32)
    if len(found) != width or not np.isfinite(found).all():
        raise InputError(f"{name} is no vector of {width} numbers, but of {len(found)}")
    return found


def frames(lists, name, width):
    """The frames of that name, uint8 [F, width], F >= 1."""
    if name not in lists or not lists[name].feature:
        raise _lacks(lists, f"list {name}")
    found = [b"".join(frame.bytes_list.value) for frame in lists[name].feature]
    for k, frame in enumerate(found):
        if len(frame) != width:
            raise InputError(
                f"frame {k} of {name} has {len(frame)} bytes, not {width}; is the file "
                "of another release?"
            )
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, width)


def _lacks(found, name):
    return InputError(
        f"it has no {name}, but {', '.join(sorted(found)) or 'nothing'}; is the file "
        "of another kind?"
    )
