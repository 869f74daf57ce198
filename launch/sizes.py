"""What Cloud TPU sizes, images and TensorFlow builds go together.

Sources: https://cloud.google.com/tpu/docs/runtimes (images),
https://cloud.google.com/tpu/docs/v5e and /v6e (chips a host), PyPI (tensorflow-tpu).
"""

import re

import Utils
from Schema import InputError

# Generation: (image, the greatest number in a size that is still one host).  Numbers
# count cores up to v4 and in v5p, chips in v5e and v6e.
GENERATIONS = {
    "v2": ("tpu-ubuntu2204-base", 8),
    "v3": ("tpu-ubuntu2204-base", 8),
    "v4": ("tpu-ubuntu2204-base", 8),
    "v5litepod": ("v2-alpha-tpuv5-lite", 8),
    "v5p": ("v2-alpha-tpuv5", 8),
    "v6e": ("v2-alpha-tpuv6e", 8),
}
# TensorFlow for TPUs: its newest build, and the libtpu that this was built against
# (it declares libtpu~=0.0.14, which would take in every later one).
TENSORFLOW = "2.20.0"
LIBTPU = "0.0.14"
NAME = r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?"


def check_name(name):
    """Returns a name that Google Cloud takes for a TPU, or raises InputError."""
    if not re.fullmatch(NAME, name):
        raise InputError(
            f"--name={name}: a TPU's name has small letters, digits and hyphens, "
            "begins with a letter and ends without a hyphen; at most 50 characters"
        )
    return name


def check_size(size):
    """Returns a size (accelerator type) of one host.

    Args:
      size: As in ctpu: "v2-8".

    Raises:
      InputError: For an unknown one, or one of several hosts.
    """
    generation, _, count = size.rpartition("-")
    if generation not in GENERATIONS or not count.isdigit() or int(count) < 1:
        near = Utils.nearest(generation or size, GENERATIONS)
        hint = f"did you mean {near}-8? " if near else ""
        raise InputError(
            f"--tpu-size={size}: {hint}sizes are a generation "
            f"({', '.join(GENERATIONS)}) and a number, as in v2-8; "
            "`gcloud compute tpus accelerator-types list --zone=ZONE` lists a zone's"
        )
    most = GENERATIONS[generation][1]
    if int(count) > most:
        raise InputError(
            f"--tpu-size={size} is a slice of several hosts, and VIMSS trains on one; "
            f"take {generation}-{most}"
        )
    return size


def image(size):
    """Name of the image (runtime version) that a size boots from."""
    return GENERATIONS[size.rpartition("-")[0]][0]


def check_tensorflow(version):
    """Returns a version of TensorFlow that VIMSS runs on, "2.20" as "2.20.0".

    Raises:
      InputError: For another one.
    """
    found = re.fullmatch(r"2\.(20|21)(\.\d+)?", version)
    if not found:
        raise InputError(
            f"--tf-version={version}: VIMSS needs TensorFlow 2.20 or 2.21, and the "
            f"newest build for TPUs is tensorflow-tpu {TENSORFLOW}; leave it out"
        )
    return version if found[2] else f"{version}.0"
