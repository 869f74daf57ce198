"""Does this sound belong to this picture?  What a separator sees with, trained by that.

Nobody needs to separate anything for it: a window of a recording and what is seen in it
belong together, those of other recordings do not (Arandjelovic, Zisserman, "Look,
Listen and Learn", ICCV 2017, and "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651, whose AVE-Net also has two branches that meet in one
space only).  What has learnt it begins a separator: `Models.warm_start`, by name.

    down_0, ..., bottom     sound: the way down of a Wave-U-Net, with its own names
    frames/, encoder/       sight: what looks at players inside any separator, likewise
    audio_projection, visual_projection    both into one space; no separator has these

Glossary of shapes: B windows, M `moments`, P players, F frames, E `embedding_size`.
A window is cut into M moments of one length: a moment of sound is compared with what is
seen in it alone, so that what happens when is told, too.
"""

import shlex

import keras
import tensorflow as tf

from Models.base import Lengths, Separator
from Models.checks import checked, positive
from Models.fusers import MOST_FRAMES
from Models.layers.conditioning import Clock, Condition
from Models.layers.convolution import Convolution, leaky_relu
from Models.layers.resampling import Decimation
from Models.vision import sight
from Models.vision.online import ONLINE, PretrainedFrames
from Schema import InputError

SIZES = ("num_layers", "num_initial_filters", "filter_size", "moments")
SIZES += ("embedding_size",)
MOST = {"num_layers": 20, "moments": 1000}
SHORTEST = 1e-6  # of a vector, to be given length 1


@keras.saving.register_keras_serializable("vimss")
class Correspondence(Separator):
    """Puts the moments of a window, as heard and as seen, into one space.

    It gives {"audio": [B, M, E], "visual": [B, P, M, E]}, float32: vectors of length 1,
    and zeros for a player who is not there.  It separates nothing.

    Args:
      source_names: Labels of the data; it learns none of them.
      sample_rate: Hz.
      channels: C of the mixture.
      num_layers: Halvings of the rate on the way down.
      num_initial_filters: Channels that each level adds, as in a `WaveUNet`.
      filter_size: Taps of the convolutions of the sound.
      num_frames: Samples of a window asked for; `n_out` is at least as long.
      moments: M.
      embedding_size: E; 128 in "Objects that Sound".
      temperature: By which similarities, from -1 to 1, are divided in a loss.
      visual_channels: Channels that a `PlayersEncoder` makes of features of players;
        None: there is no encoder.
      visual_layers: Its convolutions over time.
      frame_network: What looks at pictures of players: a key of `vision.online.ONLINE`.
      visual_size: Features of a player, of the data, or [H, W, 3] of its pictures.
      visual_rate: Frames of them a second.
      front_end: Name of what sees them.
      frame_weights: As of `WaveUNet`.
      **kwargs: Of `keras.Model`: name, dtype, trainable.

    Raises:
      InputError: If a value is impossible, or there is nothing to see.
    """

    separates = False

    def __init__(
        self,
        source_names,
        sample_rate,
        channels,
        num_layers=12,
        num_initial_filters=24,
        filter_size=15,
        num_frames=65536,
        moments=8,
        embedding_size=128,
        temperature=0.1,
        visual_channels=32,
        visual_layers=3,
        frame_network=sight.NETWORK,
        visual_size=None,
        visual_rate=None,
        front_end=None,
        frame_weights=None,
        **kwargs,
    ):
        super().__init__(source_names, sample_rate, channels, num_frames, **kwargs)
        choices = {"frame_network": ONLINE}
        for knob, value in checked(locals(), SIZES, (), choices, MOST).items():
            setattr(self, knob, value)
        self.temperature = positive("temperature", temperature)
        if visual_size is None or visual_rate is None:
            raise InputError(
                "model.name=correspondence compares what is heard with what is seen, "
                "and these records hold nothing that is seen: prepare them with "
                "visual.front_end"
            )
        self.visual_rate = positive("visual_rate", visual_rate, MOST_FRAMES)
        self.visual_size, self.front_end = visual_size, front_end
        self.visual_channels, self.visual_layers = visual_channels, visual_layers
        self._create(frame_weights)
        self.build()

    def _create(self, frame_weights):
        policy, unit = self.dtype_policy, self.num_initial_filters

        def convolution(level, name):
            told = unit * (level + 1), self.filter_size, "same", leaky_relu
            return Convolution(*told, name=name, dtype=policy)

        def projection(name):
            own = {"dtype": self.variable_dtype, "name": name}
            return keras.layers.Dense(self.embedding_size, use_bias=False, **own)

        levels = range(self.num_layers)
        self.down = [convolution(i, f"down_{i}") for i in levels]
        self.decimation = Decimation("same", dtype=policy, name="decimation")
        self.bottom = convolution(self.num_layers, "bottom")
        self.frames, self.encoder, self._seen_size = sight.layers(
            *(True, self.visual_size, self.visual_channels, self.visual_layers),
            *(self.frame_network, frame_weights, policy),
        )
        if self.encoder is not None:
            # Beside a soloist is nobody, so this would stay as it was drawn, and drown
            # what was learnt once there are two.
            others = self.encoder.others.kernel
            others.assign(tf.zeros_like(others))
        self.audio_projection = projection("audio_projection")
        self.visual_projection = projection("visual_projection")

    def build(self, batch_shape=None):
        if self.built:
            return
        n = self.channels
        for layer in (*self.down, self.bottom):
            layer.build([None, None, n])
            n = layer.filters
        self.decimation.build([None, None, n])
        self.audio_projection.build([None, None, n])
        self.visual_projection.build([None, None, None, self._seen_size])
        self.built = True

    def call(self, batch, training=False):
        mix = batch["mix"]  # [B, n, C]
        x = tf.cast(mix, self.compute_dtype)
        for layer in self.down:
            x = self.decimation(layer(x))
        x = tf.cast(self.bottom(x), self.variable_dtype)  # [B, n / 2^L, F]
        heard = tf.einsum("btc,tm->bmc", x, self._shares(tf.shape(x)[1]))
        seen = sight.seen(batch, self.frames, self.encoder)["visual"]
        there = tf.cast(batch["has_visual"], tf.float32)[..., tf.newaxis, tf.newaxis]
        seen = self._in_moments(batch, tf.cast(seen, tf.float32), tf.shape(mix)[1])
        return {
            "audio": _directions(self.audio_projection(heard)),
            "visual": _directions(self.visual_projection(seen)) * there,
        }

    def _shares(self, n_steps):
        """How much of a moment each step of a map is, [n_steps, M]; sums are 1."""
        moment = tf.range(n_steps) * self.moments // n_steps
        shares = tf.one_hot(moment, self.moments, dtype=self.variable_dtype)
        return shares / tf.reduce_sum(shares, axis=0)

    def _in_moments(self, batch, seen, n):
        """Means [B, P, M, D] of what is seen, [B, P, F, D], in each moment."""
        start = batch["visual_start"]
        frames = Condition(None, None, start, self.visual_rate)
        # So many points of a moment that no frame is passed over.
        longest = self.n_out / self.sample_rate / self.moments * self.visual_rate
        points = max(1, round(longest))
        step = tf.cast(n, tf.float64) / (self.moments * points)
        clock = Clock(step / 2, step, self.sample_rate)
        seen = tf.transpose(seen, [0, 2, 1, 3])
        seen = frames.at_time(seen, clock, self.moments * points)  # [B, M points, P, D]
        shape = tf.shape(seen)
        seen = tf.reshape(seen, [shape[0], self.moments, points, shape[2], shape[3]])
        seen = tf.transpose(tf.reduce_mean(seen, axis=2), [0, 2, 1, 3])
        return tf.ensure_shape(seen, [None, None, self.moments, self._seen_size])

    @property
    def batch_keys(self):
        """The keys of a batch that `call` reads."""
        key = "visual" if self.frames is None else "frames"
        return ("mix", key, "has_visual", "visual_start")

    @property
    def reach(self):
        """Frames of players that it looks at beyond a window."""
        return sum(x.reach for x in (self.frames, self.encoder) if x is not None)

    @property
    def frame_weights(self):
        """Where the weights of a pretrained network that sees are to be found."""
        is_pretrained = isinstance(self.frames, PretrainedFrames)
        return sight.CHECKPOINT if is_pretrained else None

    def lengths(self, n):
        """The `Lengths` of a window with at least n samples."""
        unit = 2**self.num_layers
        n = max(-(-n // unit), self.moments) * unit
        return Lengths(n, n, n)

    def get_config(self):
        """The constructor's arguments, of plain Python types."""
        knobs = (*SIZES, "temperature", "visual_channels", "visual_layers")
        knobs += ("frame_network", "visual_rate", "front_end", "frame_weights")
        config = {knob: getattr(self, knob) for knob in knobs}
        size = self.visual_size
        config["visual_size"] = list(size) if isinstance(size, list | tuple) else size
        return {**super().get_config(), **config}


def refuse(model, folder):
    """Refuses to separate with a model that does not.

    Raises:
      InputError: Saying what it is good for.
    """
    if model.separates:
        return
    raise InputError(
        f"{folder} compares sound and sight, and separates nothing; let a separator "
        f"begin with what it learnt: {command(folder, model.visual_size)}"
    )


def command(folder, visual_size):
    """The command that trains a separator, from what lies in a folder."""
    parts = ["encoder/*"]  # what hears is worth less than that: RESULTS.md
    if isinstance(visual_size, list | tuple):
        parts.insert(0, "frames/*")
    told = ",".join(f"'{part}'" for part in parts)
    return (
        f"python Training.py with ... {shlex.quote(f'training.warm_start={folder}')} "
        f'"training.warm_start_patterns=[{told}]"'
    )


def _directions(x):
    """Vectors of length 1, of zeros zeros, float32."""
    return tf.math.l2_normalize(tf.cast(x, tf.float32), axis=-1, epsilon=SHORTEST**2)
