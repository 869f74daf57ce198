"""The Wave-U-Net: a U-Net on waveforms, for any number of sources.

Stoller, Ewert, Dixon, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End
Audio Source Separation", ISMIR 2018, https://arxiv.org/abs/1806.03185; with 13
sources it is the Exp-Wave-U-Net of Slizovskaia, Kim, Haro, Gomez, "End-to-End Sound
Source Separation Conditioned on Instrument Labels", ICASSP 2019,
https://arxiv.org/abs/1811.01850.

Glossary of shapes
  B       windows of a batch
  C       channels of the audio
  S       sources
  L, F    `num_layers`, `num_initial_filters`
  n_in    samples of a mixture        n_out   samples of an estimate
  T, n    steps of a map before and after a convolution; they differ in "valid"
          convolutions only, which `context` asks for

Level i of the way down has F (i + 1) channels and steps of 2^i samples; so has the
map that comes back up to it.  The map at the bottom has F (L + 1) channels.
"""

import keras
import tensorflow as tf

from Models import devices, wave_unet_fast, wave_unet_plain, wave_unet_sizes
from Models.checks import checked, positive, truth
from Models.conditioned import Conditioned
from Models.fusers import MOST_FRAMES, SLOTS, Conditioning
from Models.layers.convolution import Convolution, leaky_relu
from Models.layers.output import ACTIVATIONS, OUTPUTS
from Models.layers.resampling import Decimation, LearnedUpsampling, LinearUpsampling
from Models.vision import sight
from Models.vision.online import ONLINE
from Schema import InputError

UPSAMPLINGS = {"linear": LinearUpsampling, "learned": LearnedUpsampling}
CHOICES = {
    "output_type": OUTPUTS,
    "output_activation": ACTIVATIONS,
    "upsampling": UPSAMPLINGS,
    "form": ("auto", "plain", "fast"),
    "slots": SLOTS,
    "frame_network": ONLINE,
}
MEASURED = {"CPU": "fast"}  # the faster form: row "auto" of benchmarks/results.json
SIZES = ("num_layers", "num_initial_filters", *wave_unet_sizes.FILTERS)
MOST = {"num_layers": 20}  # a step of the map at the bottom lasts 2^20 samples then
TRUTHS = ("context", "clip_at_test", "null_conditions")


@keras.saving.register_keras_serializable("vimss")
class WaveUNet(Conditioned):
    """Predicts the waveform of each source from the waveform of the mixture.

    Without context every convolution sees zeros around its map, and n_in = n_out is
    a multiple of 2^L.  With context it sees only the mixture, which must be longer.

    Args:
      source_names: Names of the S sources; with "difference" the last is the
        residual.
      sample_rate: Hz.
      channels: C, of the mixture and of every source.
      num_layers: L, halvings of the rate on the way down.
      num_initial_filters: F, channels that each level adds.
      filter_size: Taps of the convolutions on the way down and at the bottom.
      merge_filter_size: Taps of the convolutions on the way up.
      input_filter_size: Taps that the first convolution is given context for, at
        least `filter_size`.  The convolution itself has `filter_size`, as in the
        ancestor: a greater value lengthens the mixture and is no use otherwise.
      output_filter_size: Taps of the convolution of each source.
      num_frames: Samples of a target asked for; `n_out` is at least as long.
      context: Whether the mixture reaches beyond the target ("valid" convolutions).
      output_type: "direct", one estimate a source, or "difference", where the last
        source is what the others leave of the mixture.
      output_activation: "tanh" or "linear".
      upsampling: "linear" or "learned".
      fusers: What lets which condition act on which map: names as in `Models.fusers`.
        ("outer_product@bottleneck",) is the CExp-Wave-U-Net.
      slots: "vocabulary": S estimates, one a source name, of conditions of the mixture.
        "conditioned": one estimate for each slot of the conditions (`Conditioner`), by
        one decoder for all; the S names are what labels tell apart.
      null_conditions: Whether conditions may be missing: learned vectors stand in.
      score_rate: Frames a second of score activity, where a fuser listens to it.
      visual_channels: Channels that a `PlayersEncoder` makes of features of players;
        None: fusers read the features themselves.
      visual_layers: Its convolutions over time.
      frame_network: What looks at pictures of players, and is trained with the rest: a
        key of `vision.online.ONLINE`.  It makes `visual_channels` features, or 32.
      visual_size: Features of a player, of the data, or [H, W, 3] of its pictures;
        None: there are none.
      visual_rate: Frames of them a second; None: they do not change.
      front_end: Name of what sees them.
      frame_weights: File of the weights that a pretrained `frame_network` begins with;
        None: those that VIMSS ships; "checkpoint", as its configuration always says:
        they follow from a checkpoint.
      legacy_label_order: Whether labels wander between the examples of a batch as in
        the code of 2018 (`OuterProduct`); for parity only, and free to be set later.
      form: "plain", the definition; "fast", the same function in fewer operations;
        "auto", whichever was measured to be faster on the kind of device.
      clip_at_test: Whether residuals and linear outputs are limited to [-1, 1]
        outside of training, as f90's Wave-U-Net does and the VIMSS of 2018 does not.
      **kwargs: Of `keras.Model`: name, dtype, trainable.

    Raises:
      InputError: If a value is impossible; it names the value.

    Example:
      >>> model = WaveUNet(["vc", "vn"], 22050, 1, context=True)
      >>> model.lengths(16384)
      Lengths(n_in=147443, n_out=16389, hop=16384)
    """

    def __init__(
        self,
        source_names,
        sample_rate,
        channels,
        num_layers=12,
        num_initial_filters=24,
        filter_size=15,
        merge_filter_size=5,
        input_filter_size=15,
        output_filter_size=1,
        num_frames=16384,
        context=False,
        output_type="direct",
        output_activation="tanh",
        upsampling="linear",
        clip_at_test=True,
        fusers=(),
        slots="vocabulary",
        null_conditions=False,
        score_rate=25.0,
        visual_channels=32,
        visual_layers=3,
        frame_network=sight.NETWORK,
        legacy_label_order=False,
        form="auto",
        visual_size=None,
        visual_rate=None,
        front_end=None,
        frame_weights=None,
        **kwargs,
    ):
        super().__init__(source_names, sample_rate, channels, num_frames, **kwargs)
        for knob, value in checked(locals(), SIZES, TRUTHS, CHOICES, MOST).items():
            setattr(self, knob, value)
        self.score_rate = positive("score_rate", score_rate, MOST_FRAMES)
        self._see(visual_size, visual_rate, front_end, visual_channels, visual_layers)
        self._create(fusers, frame_weights)
        self.legacy_label_order = truth("legacy_label_order", legacy_label_order)
        self.build()

    def _see(self, size, rate, front_end, channels, layers):
        self.visual_size, self.visual_rate, self.front_end = size, rate, front_end
        self.visual_channels, self.visual_layers = channels, layers

    def _refuse_a_residual(self):
        why = None
        if self.slots == "conditioned":
            why = "makes the last of all sources a residual; slots='conditioned'"
        elif len(self.source_names) == 1:
            why = f"would make {self.source_names[0]!r} the whole mixture; it"
        if self.output_type != "direct" and why:
            told = f"output_type='difference' {why} needs output_type='direct'"
            raise InputError(told)

    @property
    def padding(self):
        """Of all convolutions."""
        return "valid" if self.context else "same"

    def _create(self, fusers, frame_weights):
        """The layers, in the order in which TensorFlow 1 created them."""
        self._refuse_a_residual()
        policy, padding, n_levels = self.dtype_policy, self.padding, self.num_layers

        def convolution(filters, size, name):
            named = {"name": name, "dtype": policy}
            return Convolution(filters, size, padding, leaky_relu, **named)

        n_filters = [self.num_initial_filters * (i + 1) for i in range(n_levels + 1)]
        self.down = [
            convolution(n_filters[i], self.filter_size, f"down_{i}")
            for i in range(n_levels)
        ]
        self.decimation = Decimation(padding, dtype=policy, name="decimation")
        self.bottom = convolution(n_filters[-1], self.filter_size, "bottom")
        self.conditioning = Conditioning(
            *(fusers, n_levels, len(self.source_names), self.slots),
            *(self.null_conditions, self.score_rate),
            *(self.visual_size, self.visual_rate),
            *(self.visual_channels, self.visual_layers),
            *(self.frame_network, frame_weights),
            dtype=policy,
            name="conditioning",
        )
        self._fusers = [fusers] if isinstance(fusers, str) else list(fusers)
        self.upsamplings, self.up = [], []
        for i in reversed(range(n_levels)):
            named = {"name": f"upsampling_{i}", "dtype": policy}
            self.upsamplings.append(UPSAMPLINGS[self.upsampling](padding, **named))
            self.up.append(convolution(n_filters[i], self.merge_filter_size, f"up_{i}"))
        self.outputs_of = OUTPUTS[self.output_type](
            1 if self.slots == "conditioned" else len(self.source_names),
            self.channels,
            self.output_filter_size,
            padding,
            self.output_activation,
            self.clip_at_test,
            dtype=policy,
            name="outputs_of",
        )

    def build(self, batch_shape=None):
        if self.built:
            return
        self.lengths(self.num_frames)  # refuses sizes that fit no length
        fused = self.conditioning.channels_out
        n, skips = fused("input", self.channels), []
        for i, layer in enumerate(self.down):
            layer.build([None, None, n])
            n = fused(f"encoder_{i}", layer.filters)
            skips.append(n)
        self.bottom.build([None, None, n])
        n = fused("bottleneck", self.bottom.filters)
        levels = reversed(range(self.num_layers))
        for i, upsampling, layer in zip(levels, self.upsamplings, self.up):
            upsampling.build([None, None, n])
            layer.build([None, None, skips[i] + n])
            n = fused(f"decoder_{i}", layer.filters)
        self.outputs_of.build([None, None, fused("output", self.channels + n)])
        self.decimation.build([None, None, n])
        self.conditioning.built = self.built = True

    def call(self, batch, training=False):
        mix = batch["mix"]  # [B, n_in, C]
        if mix.shape[1] is not None:
            self.length_out(mix.shape[1])  # refuses a length that levels disagree on
        form = wave_unet_fast if self.is_fast else wave_unet_plain
        known = self.conditioning.known(batch)
        raw = form.raw(self, mix, known)  # [B, n_out, S', C], or [B N, n_out, 1, C]
        sources = self.outputs_of.finished(raw, mix, training)
        if self.slots == "conditioned":
            shape = tf.shape(sources)[2:]
            sources = tf.reshape(sources, [tf.shape(mix)[0], -1, *tf.unstack(shape)])
        return {"sources": sources}  # [B, S or N, n_out, C]

    @property
    def is_fast(self):
        """Whether the fast form is computed."""
        measured = MEASURED.get(devices.kind(), "plain")
        return (measured if self.form == "auto" else self.form) == "fast"

    def lengths(self, n):
        """The `Lengths` of a window with at least n target samples."""
        return wave_unet_sizes.lengths(self, n)

    def clocks(self):
        """{place: `Clock` of the map there}."""
        return wave_unet_sizes.clocks(self)

    def inference_bytes(self, n, n_slots=None):
        """Estimated peak bytes of separating a window of at least n target samples."""
        return wave_unet_sizes.inference_bytes(self, n, n_slots)

    def length_out(self, n_in):
        """Samples of an estimate for a mixture of n_in samples.

        Raises:
          InputError: If the levels would disagree on their place in a mixture of
            that length; it says which lengths they agree on.
        """
        step, shortest = 2**self.num_layers, self.lengths(1).n_in
        if n_in < shortest or (n_in - shortest) % step:
            raise InputError(
                f"a mixture of {n_in} samples does not fit; this network takes "
                f"{shortest} samples, or any multiple of {step} more"
            )
        return wave_unet_sizes.passed(self, n_in)

    def get_config(self):
        """The constructor's arguments, of plain Python types."""
        knobs = (*SIZES, *CHOICES, *TRUTHS, "fusers", "legacy_label_order")
        knobs += ("score_rate", "visual_channels", "visual_layers")
        knobs += ("visual_size", "visual_rate", "front_end", "frame_weights")
        config = {knob: getattr(self, knob) for knob in knobs}
        if isinstance(self.visual_size, list | tuple):
            config["visual_size"] = list(self.visual_size)
        return {**super().get_config(), **config}
