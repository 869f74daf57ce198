"""The spectrogram U-Net that the Wave-U-Net was compared with.

U7 of Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, https://arxiv.org/abs/1806.03185,
after Jansson, Humphrey, Montecchio, Bittner, Kumar, Weyde, "Singing Voice Separation
with Deep U-Net Convolutional Networks", ISMIR 2017.  For each source a network of its
own masks the magnitudes of the mixture, whose phase is kept.  Trained with the loss
"magnitude_absolute" it is U7a.

Glossary of shapes
  B       windows of a batch
  C       channels of the audio, each separated on its own by the same weights
  S       sources
  L, N    `num_layers`, `num_initial_filters`
  T       samples of a window; of the mixture as of an estimate
  F       frames, a multiple of 2^L
  K       bins of frequency, frame_length / 2, a multiple of 2^L; and the topmost one,
          which no network sees
Level i of the way down has N 2^i channels, F / 2^(i + 1) frames and K / 2^(i + 1) bins.
"""

import keras
import tensorflow as tf

from Models.base import Lengths, Separator
from Models.checks import checked, whole
from Models.layers.spectral import (
    BatchNormalization,
    DoublingConvolution,
    HalvingConvolution,
    Spectrogram,
)
from Schema import InputError

N_DROPPED = 3  # maps of the way up that dropout thins, from the bottom
DROPOUT = 0.5
TOP_MASK = 0.5  # of the bin that no network sees
SIZES = "num_layers num_initial_filters frame_length frame_step".split()
MOST = {"num_layers": 20}  # halvings


class MaskUNet(keras.layers.Layer):
    """One source's network: log magnitudes [B, F, K, 1] -> mask [B, F, K, 1] in (0, 1).

    Args:
      num_layers: L.
      num_initial_filters: N.
      **kwargs: Of `keras.layers.Layer`.
    """

    def __init__(self, num_layers, num_initial_filters, **kwargs):
        super().__init__(autocast=False, **kwargs)
        filters = [num_initial_filters * 2**i for i in range(num_layers)]
        policy = self.dtype_policy
        self.down = [
            HalvingConvolution(n, dtype=policy, name=f"down_{i}")
            for i, n in enumerate(filters)
        ]
        self.up = [
            DoublingConvolution(n, dtype=policy, name=f"up_{i}")
            for i, n in reversed(list(enumerate(filters[:-1])))
        ]
        self.last = DoublingConvolution(1, dtype="float32", name="mask")
        self.norms_down = [
            BatchNormalization(dtype=policy, name=f"norm_{layer.name}")
            for layer in self.down
        ]
        self.norms_up = [
            BatchNormalization(dtype=policy, name=f"norm_{layer.name}")
            for layer in self.up
        ]
        self.dropouts = [
            keras.layers.Dropout(DROPOUT, dtype=policy, name=f"dropout_{layer.name}")
            for layer in self.up[:N_DROPPED]
        ]

    def build(self, shape=None):
        n = 1
        for layer, norm in zip(self.down, self.norms_down):
            layer.build([None, None, None, n])
            n = layer.filters
            norm.build([None, None, None, n])
        for layer, norm, skip in zip(self.up, self.norms_up, self.down[-2::-1]):
            layer.build([None, None, None, n])
            norm.build([None, None, None, layer.filters])
            n = skip.filters + layer.filters
        for dropout in self.dropouts:
            dropout.build([None])
        self.last.build([None, None, None, n])
        self.built = True

    def call(self, x, training=False):
        maps = []
        for layer, norm in zip(self.down, self.norms_down):  # level i
            x = norm(layer(x), training=training)
            x = tf.nn.leaky_relu(x, 0.2)  # [B, F / 2^(i + 1), K / 2^(i + 1), N 2^i]
            maps.append(x)

        maps.pop()
        for i, (layer, norm) in enumerate(zip(self.up, self.norms_up)):
            x = tf.nn.relu(norm(layer(x), training=training))
            x = tf.concat([maps.pop(), x], axis=-1)  # twice the channels of the level
            if i < N_DROPPED:
                x = self.dropouts[i](x, training=training)
        return tf.sigmoid(self.last(x))  # [B, F, K, 1]


@keras.saving.register_keras_serializable("vimss")
class SpectrogramUNet(Separator):
    """Predicts a mask for the magnitudes of the mixture, one network a source.

    The first and the last `frame_length - frame_step` samples of a window fade
    (`Spectrogram`): its `edge`, which `Predict` drops.

    Outputs: "sources" [B, S, T, C], and "magnitudes" [B, S, F, K + 1, C], both float32.

    Args:
      source_names: Names of the S sources.
      sample_rate: Hz.
      channels: C, of the mixture and of every source.
      num_layers: L, halvings of frames and bins.
      num_initial_filters: N, channels of the first level; each next has twice as many.
      frame_length: Samples of a frame of the Fourier transform; half of it must be a
        multiple of 2^L.
      frame_step: Samples from a frame to the next, less than `frame_length`.
      num_frames: Samples of a target asked for; `n_out` is at least as long.
      legacy_fft: Whether to round Fourier transforms as TensorFlow 1 did on a CPU; for
        parity only, and `frame_length` must be a power of 2 then.
      **kwargs: Of `keras.Model`: name, dtype, trainable.

    Raises:
      InputError: If a value is impossible; it names the value.

    Example:
      >>> model = SpectrogramUNet(["accompaniment", "vocals"], 8192, 1)
      >>> model.lengths(98560)
      Lengths(n_in=98560, n_out=98560, hop=98304)
    """

    def __init__(
        self,
        source_names,
        sample_rate,
        channels,
        num_layers=6,
        num_initial_filters=16,
        frame_length=1024,
        frame_step=768,
        num_frames=98560,
        legacy_fft=False,
        **kwargs,
    ):
        super().__init__(source_names, sample_rate, channels, num_frames, **kwargs)
        for knob, value in checked(locals(), SIZES, ["legacy_fft"], most=MOST).items():
            setattr(self, knob, value)
        self._check_frames()
        self.edge, self.grain = frame_length - frame_step, frame_step
        self.spectrogram = Spectrogram(frame_length, frame_step, legacy_fft)
        self.networks = [
            MaskUNet(
                num_layers,
                num_initial_filters,
                dtype=self.dtype_policy,
                name=f"network_{i}",
            )
            for i in range(len(self.source_names))
        ]
        self.build()

    def _check_frames(self):
        """Refuses transforms that the networks, or the inverse, cannot work with."""
        length, least = self.frame_length, 2 ** (self.num_layers + 1)
        if length % least:
            raise InputError(
                f"frame_length={length} must be a multiple of {least}, to be halved "
                f"for num_layers={self.num_layers}"
            )
        if self.frame_step >= length:
            raise InputError(
                f"frame_step={self.frame_step} must be less than frame_length={length}"
            )
        if self.legacy_fft and (length < 8 or length & (length - 1)):
            raise InputError(
                f"frame_length={length} must be a power of 2, and at least 8, "
                "with legacy_fft=True"
            )

    def build(self, batch_shape=None):
        if self.built:
            return
        for network in self.networks:
            network.build()
        self.built = True

    def call(self, batch, training=False):
        mix = batch["mix"]  # [B, T, C]
        if mix.shape[1] is not None:
            self._check_length(mix.shape[1])
        spectrum = self._spectrum(mix)  # [B C, F, K + 1]
        magnitude = tf.abs(spectrum)
        seen = tf.math.log1p(magnitude)[:, :, :-1, tf.newaxis]  # [B C, F, K, 1]

        magnitudes, sources = [], []
        for network in self.networks:
            mask = network(seen, training=training)[..., 0]  # [B C, F, K]
            mask = tf.pad(mask, [(0, 0), (0, 0), (0, 1)], constant_values=TOP_MASK)
            magnitudes.append(self._channels_last(magnitude * mask))
            masked = tf.complex(
                tf.math.real(spectrum) * mask, tf.math.imag(spectrum) * mask
            )
            audio = self.spectrogram.inverse(masked)  # [B C, T]
            sources.append(self._channels_last(audio))
        return {
            "sources": tf.stack(sources, axis=1),  # [B, S, T, C]
            "magnitudes": tf.stack(magnitudes, axis=1),  # [B, S, F, K + 1, C]
        }

    def _spectrum(self, audio):
        """[..., T, C] -> complex64 [... C, F, K + 1]: every channel by itself."""
        n_time = audio.shape[-2] or tf.shape(audio)[-2]
        rows = tf.linalg.matrix_transpose(audio)  # [..., C, T]
        return self.spectrogram(tf.reshape(rows, [-1, n_time]))

    def _channels_last(self, x):
        """[B C, ...] -> [B, ..., C]."""
        shape = [x.shape[i] or tf.shape(x)[i] for i in range(1, x.shape.rank)]
        x = tf.reshape(x, [-1, self.channels, *shape])
        return tf.stack(tf.unstack(x, axis=1), axis=-1)

    def magnitudes(self, audio):
        """Magnitudes of waveforms: [B, S, T, C] -> float32 [B, S, F, K + 1, C]."""
        x = self._channels_last(tf.abs(self._spectrum(audio)))  # [B S, F, K + 1, C]
        sizes = [x.shape[1] or tf.shape(x)[1], *x.shape[2:]]
        return tf.reshape(x, [-1, audio.shape[1] or tf.shape(audio)[1], *sizes])

    def frames_within(self, n_valid):
        """Frames of a window that reach into its first `n_valid` samples; int [B]."""
        return -(-tf.cast(n_valid, tf.int32) // self.frame_step)

    def inference_bytes(self, n, n_slots=None):
        """Estimated peak bytes of separating one window of at least n samples.

        So many float32 for each bin of each frame; about those of a published window,
        of which 12 MB were measured.
        """
        n_frames = self.spectrogram.frames(self.lengths(n).n_in)
        numbers = len(self.source_names) * (self.num_initial_filters + 8) + 8
        return 4 * numbers * self.channels * n_frames * self.frame_length // 2

    def lengths(self, n):
        """The `Lengths` of a window with at least n target samples.

        Whole frames, 2^L or a multiple; n_in and n_out are the same.
        """
        step = 2**self.num_layers
        n_frames = -(-self.spectrogram.frames(whole("n", n)) // step) * step
        samples = self.spectrogram.samples(n_frames)
        return Lengths(samples, samples, n_frames * self.frame_step)

    def _check_length(self, n):
        if self.lengths(n).n_in != n:
            step, shortest = 2**self.num_layers * self.frame_step, self.lengths(1).n_in
            raise InputError(
                f"a mixture of {n} samples does not fit; this network takes "
                f"{shortest} samples, or any multiple of {step} more"
            )

    def get_config(self):
        """The constructor's arguments, of plain Python types."""
        knobs = [*SIZES, "legacy_fft"]
        return {**super().get_config(), **{knob: getattr(self, knob) for knob in knobs}}
