"""Numbers of parameters by formula, independent of the layers that have them."""


def wave_unet_parameters(
    n_sources=2,
    channels=1,
    num_layers=12,
    num_initial_filters=24,
    filter_size=15,
    merge_filter_size=5,
    output_filter_size=1,
    output_type="direct",
    upsampling="linear",
    labelled=False,
):
    """Counted by hand: taps x inputs x outputs + outputs, of every convolution."""

    def convolution(taps, n_in, n_out):
        return (taps * n_in + 1) * n_out

    width = [num_initial_filters * (i + 1) for i in range(num_layers + 1)]
    count, n_in = 0, channels
    for n_out in width:
        count += convolution(filter_size, n_in, n_out)
        n_in = n_out
    for i in reversed(range(num_layers)):
        if labelled and i == num_layers - 1:
            n_in *= n_sources
        count += n_in if upsampling == "learned" else 0
        count += convolution(merge_filter_size, n_in + width[i], width[i])
        n_in = width[i]
    n_heads = n_sources - (output_type == "difference")
    return count + n_heads * convolution(output_filter_size, n_in + channels, channels)


def spectrogram_parameters(n_sources, num_layers=6, num_initial_filters=16):
    """Of f90's U7: 5 x 5 kernels, biases, and of each normalisation 3 a channel."""
    width = [num_initial_filters * 2**i for i in range(num_layers)]
    down = sum((25 * n_in + 4) * n for n_in, n in zip([1, *width], width))
    # What comes up to a level stands beside its skip; nothing stands at the bottom.
    inputs = [width[-1], *(2 * n for n in width[-2::-1])]
    up = sum((25 * n_in + 4) * n for n_in, n in zip(inputs, width[-2::-1]))
    return n_sources * (down + up + 25 * inputs[-1] + 1)
