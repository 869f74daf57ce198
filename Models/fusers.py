"""Which fuser acts where in a network, and what it listens to.

    film@bottleneck          labels, at the bottleneck
    film@decoder             labels, at every level on the way up
    film:score@encoder_3     score activity, at one level on the way down

A place is the map that the layers of that name give: `input` is the mixture,
`encoder_0` the finest level on the way down (what its skip connection holds as well),
`decoder_0` the finest on the way up, `output` what the last convolutions read.
"""

import re
from typing import NamedTuple

import keras
import tensorflow as tf

from Models.checks import one_of, positive
from Models.known import Known
from Models.layers import attention, modulation
from Models.layers.conditioning import Conditioner
from Models.vision import sight
from Schema import InputError

KINDS = {
    "concatenation": modulation.Concatenation,
    "additive_gating": modulation.AdditiveGating,
    "multiplicative_gating": modulation.MultiplicativeGating,
    "outer_product": modulation.OuterProduct,
    "film": modulation.FiLM,
    "additive_attention": attention.AdditiveAttention,
    "multiplicative_attention": attention.MultiplicativeAttention,
}
CONDITIONS = ("labels", "score", "visual")
SLOTS = ("vocabulary", "conditioned")
MOST_FRAMES = 10_000.0  # a second
MANY = 5  # players, for estimates of memory
NAME = re.compile(r"([^:@]+)(?::([^:@]+))?@([^:@]+)")
FAMILIES = ("encoder", "decoder")  # places that have levels


class Named(NamedTuple):
    """What the name of a fuser says."""

    kind: str
    condition: str
    place: str


def places(num_layers):
    """All places of a network, in the order in which its maps are made."""
    down = [f"encoder_{i}" for i in range(num_layers)]
    up = [f"decoder_{i}" for i in reversed(range(num_layers))]
    return ["input", *down, "bottleneck", *up, "output"]


def read(values, num_layers):
    """The fusers that a configuration lists.

    Args:
      values: List or tuple of names, as above.
      num_layers: Levels of the network.

    Returns:
      A list of `Named`, one a place, in the order of the places.

    Raises:
      InputError: If a name is none, or acts twice; it names the value.
    """
    values = list(values) if isinstance(values, list | tuple) else [values]
    order, found = places(num_layers), []
    for value in values:
        parts = NAME.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            raise InputError(
                f"fusers={value!r} is not KIND@PLACE or KIND:CONDITION@PLACE, such as "
                "'film@bottleneck' or 'film:score@decoder'"
            )
        kind, condition, place = parts[1], parts[2] or "labels", parts[3]
        one_of(f"the kind of fuser {value!r}", kind, KINDS)
        one_of(f"the condition of fuser {value!r}", condition, CONDITIONS)
        listed = [p for p in order if p == place]
        if place in FAMILIES:
            listed = [p for p in order if p.startswith(f"{place}_")]
        if not listed:
            one_of(f"the place of fuser {value!r}", place, [*FAMILIES, *order])
        for place in listed:
            named = Named(kind, condition, place)
            if named in found:
                raise InputError(f"fusers={values} has {value!r} act twice at {place}")
            found.append(named)
    return sorted(found, key=lambda named: order.index(named.place))


def _fuser(kind, condition, place, policy):
    """The fuser that a name means; to be built."""
    name = f"{kind}_{condition}_{place}"
    return KINDS[kind](condition=condition, place=place, name=name, dtype=policy)


class Conditioning(keras.layers.Layer):
    """All conditioners and fusers of a network.

    Args:
      values: Names of fusers.
      num_layers: Levels of the network.
      n_labels: Instruments that labels tell apart.
      slots: "vocabulary" or "conditioned".
      null: Whether conditions may be missing.
      score_rate: Frames of score activity a second.
      visual_size: Features of a player, or [H, W, 3] of its pictures; None where
        nobody looks.
      visual_rate: Frames of them a second; None: they do not change.
      visual_channels: Of a `PlayersEncoder` between them and the fusers; None: there is
        none.
      visual_layers: Its convolutions over time.
      frame_network: A key of `vision.online.ONLINE`, what looks at pictures.
      frame_weights: As of `sight.layers`.
      **kwargs: Of `keras.layers.Layer`.

    Attributes:
      keys: The keys of a batch that are read.
      is_per_slot: Whether slots have conditions of their own.

    Raises:
      InputError: If slots have nothing to follow, or the size of features is unknown.
    """

    def __init__(
        self,
        values,
        num_layers,
        n_labels,
        slots="vocabulary",
        null=False,
        score_rate=None,
        visual_size=None,
        visual_rate=None,
        visual_channels=None,
        visual_layers=0,
        frame_network=sight.NETWORK,
        frame_weights=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        named, self.order = read(values, num_layers), places(num_layers)
        self.is_per_slot = slots == "conditioned"
        self._refuse(named, null)
        policy = kwargs.get("dtype")
        self.fusers = [_fuser(*one, policy) for one in named]
        if visual_rate is not None:
            positive("visual_rate", visual_rate, MOST_FRAMES)
        sees = any(fuser.condition == "visual" for fuser in self.fusers)
        self.frames, self.encoder, visual_size = sight.layers(
            *(sees, visual_size, visual_channels, visual_layers),
            *(frame_network, frame_weights, policy),
        )
        told = {
            "labels": (n_labels, None),
            "score": (1 if self.is_per_slot else n_labels, score_rate),
            "visual": (visual_size, visual_rate),
        }
        self.conditioners = {
            condition: self._conditioner(condition, *told[condition], null, policy)
            for condition in sorted({fuser.condition for fuser in self.fusers})
        }

    def _refuse(self, named, null):
        """Refuses slots without a condition, and conditions that cannot be missing."""
        listens = sorted({fuser.condition for fuser in named})
        if self.is_per_slot and not listens:
            raise InputError(
                "slots='conditioned' need a condition to follow; name fusers, such as "
                "model.fusers=['film@bottleneck']"
            )
        if null and not listens:
            raise InputError("null_conditions=True needs fusers; there is no condition")
        if self.is_per_slot and null and len(listens) == 1:
            raise InputError(
                f"slots='conditioned' follow {listens[0]!r}, their only condition, "
                "which null_conditions=True lets be missing; let fusers listen to more"
            )

    def _conditioner(self, condition, size, rate, null, policy):
        """A built `Conditioner`."""
        if size is None:
            raise InputError(
                f"fusers listen to {condition!r}, which these records do not have"
            )
        reads = [f.reads for f in self.fusers if f.condition == condition]
        layer = Conditioner(
            *(condition, size, rate, self.is_per_slot, null, "values" in reads),
            name=f"condition_{condition}",
            dtype=policy,
        )
        layer.build()
        return layer

    @property
    def keys(self):
        """The keys of a batch that are read."""
        keys = [key for c in self.conditioners.values() for key in c.keys]
        seen = {} if self.frames is None else {"visual": "frames"}
        return tuple(dict.fromkeys(seen.get(key, key) for key in keys))

    @property
    def reach(self):
        """Frames that a step looks around itself."""
        looks = [f.reads == "tokens" for f in self.fusers if f.condition != "labels"]
        reach = attention.REACH if any(looks) else 0
        return reach + sum(x.reach for x in (self.frames, self.encoder) if x)

    def at(self, place):
        """The fusers of a place, in order."""
        return [fuser for fuser in self.fusers if fuser.place == place]

    def channels_out(self, place, n_channels):
        """Channels behind the fusers of a place, which are built for the map there."""
        for fuser in self.at(place):
            of = self.conditioners[fuser.condition]
            if not fuser.built:
                fuser.build_for(n_channels, of.size, of.rate is not None)
            n_channels = fuser.channels_out(n_channels, of.size)
        return n_channels

    def floats(self, place, n_channels):
        """Numbers held for a step of the map at a place while fusers work, about."""
        held = 0
        for fuser in self.at(place):
            of = self.conditioners[fuser.condition]
            n_tokens = MANY if of.kind == "visual" else of.size
            n_tokens = 1 if self.is_per_slot else n_tokens
            is_timed = of.rate is not None
            held = max(held, fuser.floats(n_channels, of.size, n_tokens, is_timed))
            n_channels = fuser.channels_out(n_channels, of.size)
        return held

    def sight_bytes(self, seconds, n_slots):
        """Bytes held while the pictures of so many seconds are looked at, about."""
        if self.frames is None:
            return 0
        players = n_slots if self.is_per_slot else MANY
        count = seconds * (self.conditioners["visual"].rate or 0) + 1 + 2 * self.reach
        return players * count * self.frames.picture_bytes

    def known(self, batch):
        """`Known` of a batch."""
        n_slots, batch = 1, sight.seen(batch, self.frames, self.encoder)
        if self.is_per_slot:
            n_slots = tf.shape(batch[next(iter(self.conditioners))])[1]
        told = {name: of(batch) for name, of in self.conditioners.items()}
        return Known(self, told, n_slots)
