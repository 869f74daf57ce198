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

from Models.base import Lengths, Separator, one_of, truth, whole
from Models.layers.convolution import Convolution, leaky_relu
from Models.layers.cropping import centre_crop, concat_cropped
from Models.layers.output import ACTIVATIONS, OUTPUTS
from Models.layers.resampling import Decimation, LearnedUpsampling, LinearUpsampling
from Schema import InputError

UPSAMPLINGS = {"linear": LinearUpsampling, "learned": LearnedUpsampling}
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
        **kwargs,
    ):
        super().__init__(source_names, sample_rate, channels, num_frames, **kwargs)
        given = locals()
        for knob in SIZES:
            setattr(self, knob, whole(knob, given[knob]))
        self.context = truth("context", context)
        self.output_type = one_of("output_type", output_type, OUTPUTS)
        self.output_activation = one_of(
            "output_activation", output_activation, ACTIVATIONS
        )
        self.upsampling = one_of("upsampling", upsampling, UPSAMPLINGS)
        self.clip_at_test = truth("clip_at_test", clip_at_test)
        if output_type == "difference" and len(self.source_names) == 1:
            raise InputError(
                f"output_type='difference' would make {self.source_names[0]!r} the "
                "whole mixture; a single source needs output_type='direct'"
            )
        self.padding = "valid" if context else "same"
        self._create()
        self.lengths(self.num_frames)  # refuses sizes that fit no length
        self.build()

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
        x = tf.cast(mix, self.compute_dtype)

        skips = []
        for convolution in self.down:  # level i
            x = convolution(x)  # [B, n, F (i + 1)]
            skips.append(x)
            x = self.decimation(x)  # [B, ceil(n / 2), F (i + 1)]

        x = self.bottom(x)  # [B, n, F (L + 1)]

        for upsampling, convolution in zip(self.upsamplings, self.up):
            x = upsampling(x)  # [B, T, F (i + 2)]: 2 n - 1 steps, or 2 n
            x = concat_cropped(skips.pop(), x)  # [B, T, F (2 i + 3)]
            x = convolution(x)  # [B, n, F (i + 1)]

        n_time = tf.shape(x)[1] if x.shape[1] is None else x.shape[1]
        mix = centre_crop(mix, n_time)  # [B, T, C]
        x = concat_cropped(mix, x)  # [B, T, C + F]
        # [B, S, n_out, C]
        return {"sources": self.outputs_of(x, mix, training=training)}

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
        knobs = "context output_type output_activation upsampling clip_at_test".split()
        return {
            **super().get_config(),
            **{knob: getattr(self, knob) for knob in (*SIZES, *knobs)},
        }
