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

from Models import devices, wave_unet_fast, wave_unet_plain
from Models.base import Lengths, Separator, one_of, truth, whole
from Models.fusers import fusers_of
from Models.layers.conditioning import OuterProduct
from Models.layers.convolution import Convolution, leaky_relu
from Models.layers.output import ACTIVATIONS, OUTPUTS
from Models.layers.resampling import Decimation, LearnedUpsampling, LinearUpsampling
from Schema import InputError

UPSAMPLINGS = {"linear": LinearUpsampling, "learned": LearnedUpsampling}
CHOICES = {
    "output_type": OUTPUTS,
    "output_activation": ACTIVATIONS,
    "upsampling": UPSAMPLINGS,
    "form": ("auto", "plain", "fast"),
}
MEASURED = {"CPU": "fast"}  # the faster form: row "auto" of benchmarks/results.json
SIZES = (
    "num_layers num_initial_filters filter_size merge_filter_size input_filter_size "
    "output_filter_size"
).split()


@keras.saving.register_keras_serializable("vimss")
class WaveUNet(Separator):
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
      fusers: What lets labels act on which map: () or ("outer_product@bottleneck",),
        the CExp-Wave-U-Net, which reads batch["labels"] [B, S].
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
        legacy_label_order=False,
        form="auto",
        **kwargs,
    ):
        super().__init__(source_names, sample_rate, channels, num_frames, **kwargs)
        given = locals()
        for knob in SIZES:
            setattr(self, knob, whole(knob, given[knob]))
        for knob in ("context", "clip_at_test"):
            setattr(self, knob, truth(knob, given[knob]))
        for knob, allowed in CHOICES.items():
            setattr(self, knob, one_of(knob, given[knob], allowed))
        self.fusers = fusers_of(fusers)
        self._refuse_a_single_residual()
        self.padding = "valid" if context else "same"
        self._create()
        self.legacy_label_order = truth("legacy_label_order", legacy_label_order)
        self.lengths(self.num_frames)  # refuses sizes that fit no length
        self.build()

    def _refuse_a_single_residual(self):
        if self.output_type == "difference" and len(self.source_names) == 1:
            raise InputError(
                f"output_type='difference' would make {self.source_names[0]!r} the "
                "whole mixture; a single source needs output_type='direct'"
            )

    @property
    def batch_keys(self):
        """The keys of a batch that `call` reads."""
        return ("mix", "labels") if self.fusers else ("mix",)

    @property
    def legacy_label_order(self):
        """Whether labels wander between the examples of a batch."""
        return self._legacy_label_order

    @legacy_label_order.setter
    def legacy_label_order(self, value):
        self._legacy_label_order = value
        if self.fusers:
            self.fuser.legacy_order = value

    def _create(self):
        """The layers, in the order in which TensorFlow 1 created them."""
        policy, padding, n_levels = self.dtype_policy, self.padding, self.num_layers

        def convolution(filters, size, name):
            return Convolution(
                filters, size, padding, leaky_relu, name=name, dtype=policy
            )

        n_filters = [self.num_initial_filters * (i + 1) for i in range(n_levels + 1)]
        self.down = [
            convolution(n_filters[i], self.filter_size, f"down_{i}")
            for i in range(n_levels)
        ]
        self.decimation = Decimation(padding, dtype=policy, name="decimation")
        self.bottom = convolution(n_filters[-1], self.filter_size, "bottom")
        if self.fusers:
            self.fuser = OuterProduct(dtype=policy, name="fuser")
        self.upsamplings, self.up = [], []
        for i in reversed(range(n_levels)):
            upsampling = UPSAMPLINGS[self.upsampling]
            self.upsamplings.append(
                upsampling(padding, dtype=policy, name=f"upsampling_{i}")
            )
            self.up.append(convolution(n_filters[i], self.merge_filter_size, f"up_{i}"))
        self.outputs_of = OUTPUTS[self.output_type](
            len(self.source_names),
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
        n_channels = [self.channels, *(layer.filters for layer in self.down)]
        for layer, n in zip([*self.down, self.bottom], n_channels):
            layer.build([None, None, n])
        n = self.bottom.filters
        if self.fusers:
            n = self.fuser.channels_out(n, len(self.source_names))
        for upsampling, layer, skip in zip(self.upsamplings, self.up, self.down[::-1]):
            upsampling.build([None, None, n])
            layer.build([None, None, skip.filters + n])
            n = layer.filters
        self.outputs_of.build([None, None, self.channels + n])
        self.decimation.build([None, None, n])
        self.built = True

    def call(self, batch, training=False):
        mix = batch["mix"]  # [B, n_in, C]
        if mix.shape[1] is not None:
            self.length_out(mix.shape[1])  # refuses a length that levels disagree on
        form = wave_unet_fast if self.is_fast else wave_unet_plain
        raw = form.raw(self, batch)  # [B, n_out, S', C]
        # [B, S, n_out, C]
        return {"sources": self.outputs_of.finished(raw, mix, training)}

    @property
    def is_fast(self):
        """Whether the fast form is computed."""
        if self.form != "auto":
            return self.form == "fast"
        return MEASURED.get(devices.kind(), "plain") == "fast"

    def lengths(self, n):
        """The `Lengths` of a window with at least n target samples.

        Exact: the length of the target is passed through the blocks, from the output
        back to the input, and that of the input forth to the output.  A window has
        at least 2^L target samples, the shortest hop.

        Raises:
          InputError: If the filter sizes fit no length.
        """
        step = 2**self.num_layers
        n_steps = self.outputs_of.length_in(max(whole("n", n), step))
        for layer, upsampling in zip(self.up[::-1], self.upsamplings[::-1]):
            n_steps = upsampling.length_in(layer.length_in(n_steps))
        n_in = self.bottom.length_in(n_steps)
        for layer in self.down[::-1]:
            n_in = layer.length_in(self.decimation.length_in(n_in))
        if self.context:
            n_in += self.input_filter_size - self.filter_size
        n_out = self._passed(n_in)
        if n_out < n or (n_in - n_out) % 2:
            knobs = [knob for knob in SIZES if knob.endswith("filter_size")]
            sizes = [f"{knob}={getattr(self, knob)}" for knob in knobs]
            raise InputError(
                f"{', '.join(sizes)} leave no even margin around the target; with "
                "context all must be odd, and input_filter_size at least filter_size"
            )
        return Lengths(n_in, n_out, n_out // step * step)

    def inference_bytes(self, n):
        """Estimated peak bytes of separating a window of at least n target samples.

        Of the maps that are held for the way up, of those at work at the finest level
        and at the bottom; how many at once was measured on CPUs, in both precisions.
        """
        n_in, n_out, _ = self.lengths(n)
        skips = [layer.filters / 2**i for i, layer in enumerate(self.down)]
        at_bottom = self.bottom.filters / 2**self.num_layers
        if self.fusers:
            at_bottom *= len(self.source_names)
        fine, coarse = (4, 3) if self.is_fast else (10, 6)
        work = fine * (self.down[0].filters + self.channels) + coarse * at_bottom
        estimates = 3 * n_out * self.channels * len(self.source_names)
        maps = n_in * (sum(skips) + work)
        return int(4 * (maps + estimates + 3 * self.count_params()))

    def _passed(self, n):
        """Samples of an estimate for a mixture of n samples."""
        for layer in self.down:
            n = self.decimation.length_out(layer.length_out(n))
        n = self.bottom.length_out(n)
        for upsampling, layer in zip(self.upsamplings, self.up):
            n = layer.length_out(upsampling.length_out(n))
        return self.outputs_of.length_out(n)

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
        return self._passed(n_in)

    def get_config(self):
        """The constructor's arguments, of plain Python types."""
        knobs = (*SIZES, *CHOICES, "context", "clip_at_test", "legacy_label_order")
        return {
            **super().get_config(),
            **{knob: getattr(self, knob) for knob in knobs},
            "fusers": list(self.fusers),
        }
