"""Segments: however long they are, and wherever they end, the separation is one."""

import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import Models
import Predict
from Datasets import segments, streaming
from Models import memory
from Schema import InputError
from tests.echoes import Echo, EdgeKnown, EdgeSick, Heard, noise, wave_unet, write

MIB = 1 << 20


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Memory that no test of these needs, unless it says otherwise."""
    monkeypatch.setattr(memory, "at_hand", lambda: 1 << 40)


MODELS = {
    "linear": lambda: wave_unet(True),
    "deep": lambda: wave_unet(True, 5, 3, num_frames=200, upsampling="learned"),
    "stereo": lambda: wave_unet(True, 4, channels=2, output_type="difference"),
}


def separated(model, mix, rate=8000, **options):
    sources = Predict.Predictor(model, **options).separate(mix, rate)
    return np.stack(list(sources.values()))


def in_one_piece(model, mix):
    """float32 [S, T, C]: one call of the model, with silence around."""
    n_in, n_out, _ = model.lengths(len(mix))
    padded = np.zeros((n_in, mix.shape[1]), np.float32)
    padded[(n_in - n_out) // 2 :][: len(mix)] = mix
    given = model({"mix": padded[np.newaxis]}, training=False)["sources"]
    return given.numpy()[0, :, : len(mix)]


@settings(max_examples=10, deadline=None)
@given(
    name=st.sampled_from(sorted(MODELS)),
    n_time=st.integers(1, 5000),
    segment=st.none() | st.integers(1, 3000),
    batch_size=st.integers(1, 4),
    budget=st.sampled_from([0, MIB, 4 * MIB, 1 << 40]),
)
def test_a_model_with_context_separates_as_if_in_one_piece(
    name, n_time, segment, batch_size, budget
):
    model = MODELS[name]()
    mix = noise(n_time, model.channels, seed=n_time)
    wanted = in_one_piece(model, mix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "at_hand", lambda: budget)
        found = separated(model, mix, segment=segment, batch_size=batch_size)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate, channels", [(8000, 2), (11025, 1), (44100, 2)])
def test_files_and_arrays_are_separated_alike_with_any_memory(
    tmp_path, monkeypatch, rate, channels
):
    model, mix = MODELS["deep"](), noise(rate // 2 + 11, channels)
    path, wanted = write(tmp_path / "mix.wav", mix, rate), None
    predictor = Predict.Predictor(model)  # asks for the memory each time
    for budget in (1 << 40, 3 * MIB, 0):
        monkeypatch.setattr(memory, "at_hand", lambda budget=budget: budget)
        files = predictor.separate_file(path, tmp_path / "out")
        assert (predictor.segment == model.hop) == (budget == 0)
        found = np.stack([read(file) for file in files.values()])
        array = np.stack(list(predictor.separate(mix, rate).values()))
        np.testing.assert_array_equal(found, array)
        wanted = found if wanted is None else wanted
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [7000, 44_100])
def test_segments_begin_at_time_zero_whatever_rings_before_it(rate):
    model, mix = MODELS["deep"](), noise(rate // 2)
    before, early = streaming.lead(rate, 8000)
    unit = model.lengths(1).hop
    assert early % unit  # or nothing would be tested
    silence = np.zeros((before, 1), np.float32)
    heard = soxr.resample(np.concatenate([silence, mix, silence]), rate, 8000, "VHQ")
    ahead = -early % unit
    heard = np.pad(heard, [(ahead, 0), (0, 0)])
    found = separated(model, mix, rate)
    for source, there in zip(found, in_one_piece(model, heard)):
        back = soxr.resample(there[ahead:], 8000, rate, "VHQ")[before:]
        # The filter's last taps see ringing that is cut off or not.
        np.testing.assert_allclose(source[:-64], back[: len(mix)][:-64], atol=1e-3)


def read(path):
    return sf.read(path, dtype="float32", always_2d=True)[0]


def test_memory_that_is_lost_on_the_way_changes_nothing():
    class Failing(Heard):
        failures = [False, False, True, True, False, True, False, False, True]

        def note(self, mix):
            if self.failures and self.failures.pop(0):
                raise MemoryError
            return super().note(mix)

    model, mix = Failing(100, 20), noise(30_000, 2)
    predictor = Predict.Predictor(model, segment=2000, batch_size=3)
    np.testing.assert_array_equal(predictor.separate(mix, 8000)["all"], mix)
    assert not model.failures
    assert predictor.segment < 2000


@pytest.mark.parametrize("n_time", [1, 99, 1000, 4321, 10_000])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_no_more_is_computed_than_a_recording_needs(n_time, batch_size):
    model = Heard(100, 500, hop=50)
    predictor = Predict.Predictor(model, segment=4000, batch_size=batch_size)
    model.batches.clear()
    predictor.separate(noise(n_time), 8000)
    targets = [count * (n_in - 1003) for count, n_in, _ in model.batches]
    n_segments = sum(count for count, _, _ in model.batches)
    assert sum(targets) < n_time + n_segments * 50
    assert n_segments == -(-n_time // 4000)


def test_a_segment_takes_its_share_of_the_memory_and_no_more(monkeypatch):
    model = Echo(100, 20, hop=10, channels=1)
    model.bytes_each = 1000
    for budget in (0, 10**6, 10**7, 10**12, None):
        monkeypatch.setattr(memory, "at_hand", lambda budget=budget: budget)
        for batch_size in (1, 4):
            predictor = Predict.Predictor(model, batch_size=batch_size)
            n = predictor.segment
            most = Predict.LONGEST // batch_size
            assert 100 <= n <= most and n % 10 == 0
            cost = batch_size * 1024 * n  # 3 copies of 2 sources beside
            share = Predict.SHARE * (1e15 if budget is None else budget)
            assert cost <= share or n == 100
            assert cost + batch_size * 10_240 > share or n > most - 10


@given(
    unit=st.integers(1, 50),
    least=st.integers(1, 20),
    most=st.integers(1, 3000),
    budget=st.integers(0, 3000),
)
def test_the_longest_is_found(unit, least, most, budget):
    least *= unit
    legal = [n for n in range(least, max(least, most) + 1, unit) if n * n <= budget]
    found = memory.longest(lambda n: n * n, budget, unit, least, most)
    assert found == (legal or [least])[-1]


def test_without_context_neither_batch_nor_memory_matters(monkeypatch):
    model, results, rate = wave_unet(False), [], 11025
    for budget in (0, 1 << 40):
        monkeypatch.setattr(memory, "at_hand", lambda budget=budget: budget)
        for batch_size in (1, 3, 16):
            separate = Predict.Predictor(model, batch_size=batch_size).separate
            each = [separate(noise(n_time, 2), rate) for n_time in (1, 60, 3001)]
            results.append([np.stack(list(found.values())) for found in each])
    for result in results[1:]:
        for found, wanted in zip(result, results[0]):
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_time", [1, 5, 100, 1000, 1063])
@pytest.mark.parametrize("rate", [8000, 12_000])
def test_what_a_model_gets_wrong_at_its_edges_is_nowhere_in_a_recording(n_time, rate):
    class Sick(EdgeSick):
        width = 10

    mix = np.zeros((n_time, 1), np.float32)
    sources = Predict.Predictor(Sick(100), overlap=0.5).separate(mix, rate)
    # 10 samples before the end of an estimate the next one has faded in by so much:
    worst = np.cos(np.pi / 2 * (50 - 10 + 0.5) / 50) ** 2
    assert worst < 0.1
    assert np.abs(sources["all"]).max() <= worst * (1.001 if rate == 8000 else 1.5)


@settings(max_examples=30, deadline=None)
@given(
    n_time=st.integers(1, 1200),
    n_out=st.integers(30, 130),
    width=st.integers(0, 14),
    grain=st.sampled_from([1, 2, 7]),
    overlap=st.sampled_from([0, 0.1, 0.25, 0.5]),
    batch_size=st.integers(1, 4),
)
def test_the_edge_that_a_model_states_is_nowhere_in_a_recording(
    n_time, n_out, width, grain, overlap, batch_size
):
    model, mix = EdgeKnown(n_out, width, grain), noise(n_time)
    try:
        predictor = Predict.Predictor(model, None, batch_size, overlap)
    except InputError:
        assert n_out - 2 * width < 2 * (-width % grain) or n_out <= 2 * width
        return
    np.testing.assert_array_equal(predictor.separate(mix, 8000)["all"], mix)


def test_an_estimate_that_is_all_edge_is_refused_and_a_longer_one_is_not():
    for width, grain in [(50, 1), (49, 30)]:
        with pytest.raises(InputError, match=f"100 samples .* {width} .* longer seg"):
            Predict.Predictor(EdgeKnown(100, width, grain))
        Predict.Predictor(EdgeKnown(100, width, grain), segment=200)


@given(
    overlap=st.floats(0, 0.5),
    n=st.integers(1, 500),
    edge=st.integers(0, 30),
    grain=st.integers(1, 40),
)
def test_fades_begin_segments_at_the_grain_and_are_half_of_them_at_most(
    overlap, n, edge, grain
):
    fades = range((n - 2 * edge) // 2 + 1) if n > 2 * edge else []
    legal = [fade for fade in fades if (edge + fade) % grain == 0]
    if not legal:
        with pytest.raises(InputError, match=f"{n} samples"):
            segments.fading(overlap, n, edge, grain)
        return
    enough = [fade for fade in legal if fade >= round(overlap * n)]
    assert segments.fading(overlap, n, edge, grain) == (enough or [legal[-1]])[0]


@given(
    n_time=st.integers(1, 500),
    fade=st.integers(0, 20),
    edge=st.integers(0, 20),
    beyond=st.integers(1, 30),
)
def test_a_recording_lies_an_edge_and_a_fade_inside_its_segments(
    n_time, fade, edge, beyond
):
    n, mix = 2 * edge + 2 * fade + beyond, np.ones((n_time, 1), np.float32)
    step = n - 2 * edge - fade
    cut = list(segments.overlapping(iter([mix]), n, fade, edge, 5))
    for k, (window, begin, where) in enumerate(cut):
        time = np.arange(n) + k * step - edge - fade
        assert begin == time[0] - 5
        np.testing.assert_array_equal(window[:, 0], (time >= 0) & (time < n_time))
        assert where.start == (0 if k else fade)
    assert sum(where.stop - where.start for *_, where in cut) == n_time
    assert (len(cut) - 1) * step + n - edge - fade >= n_time + edge + fade


@pytest.mark.parametrize("rate", [8192, 16_384])
def test_a_spectrogram_model_is_sound_to_the_first_and_last_sample(monkeypatch, rate):
    model = Models.build(
        "spectrogram_unet",
        source_names=["fl", "vn"],
        sample_rate=8192,
        channels=1,
        num_layers=2,
        num_initial_filters=2,
        frame_length=256,
        frame_step=192,
        num_frames=4000,
    )
    assert model.n_in == model.n_out
    mix, results = noise(3 * rate + 77), []
    for budget, batch_size in [(0, 1), (1 << 40, 1), (0, 4)]:
        monkeypatch.setattr(memory, "at_hand", lambda budget=budget: budget)
        results.append(separated(model, mix, rate, batch_size=batch_size))
    for found in results:
        np.testing.assert_allclose(found, results[0], rtol=0, atol=1e-6)
        loud = np.sqrt(np.mean(found**2, axis=(1, 2)))
        for end in (found[:, :64], found[:, -64:]):
            ratio = np.sqrt(np.mean(end**2, axis=(1, 2))) / loud
            assert (ratio > 0.5).all() and (ratio < 2).all()


def test_a_tape_is_silent_before_and_after_the_stream():
    tape = segments.Tape((np.full((n, 2), n, np.float32) for n in (1, 2, 3)), 2)
    assert [tape.fill(n) for n in (1, 4, 100)] == [3, 5, 8]
    np.testing.assert_array_equal(tape.window(1, 9)[:, 1], [0, 1, 2, 2, 3, 3, 3, 0, 0])
    tape.drop(5)
    np.testing.assert_array_equal(tape.window(0, 4)[:, 0], [3, 3, 3, 0])
    tape.drop(5)
    assert tape.fill(3) == 0 and not tape.window(0, 2).any()


def test_long_estimates_are_passed_on_in_pieces():
    predictor, mix = Predict.Predictor(Echo(1000, 20), segment=300_000), noise(400_000)
    blocks = list(predictor.stream(streaming.Recording.of_array(mix, 8000, "mix")))
    assert max(block.shape[1] for block in blocks) == segments.PIECE
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1)[0], mix)
