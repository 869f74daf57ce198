"""The performance and the room, heard by independent ears."""

import sys

import librosa
import numpy as np
import pytest

from Datasets.chamber import composition, performance, room, synthesizer
from Datasets.chamber.instruments import INSTRUMENTS
from Schema import InputError

pytest.importorskip("tinysoundfont", reason="the optional synthesizer is not installed")
RATE = 22050


def performed(codes, seconds=5.0, seed=0, rate=RATE):
    parts = composition.compose(codes, seconds, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    return performance.perform(parts, codes, seconds, rate, rng)


@pytest.mark.parametrize("code", INSTRUMENTS)
def test_the_f0_track_is_what_yin_hears(code):
    (player,) = performed([code], seed=3)
    time, hertz = player.f0.T
    voiced = hertz > 0
    frame = 2048 if hertz[voiced].min() > 110 else 4096
    heard = librosa.yin(
        player.stem,
        fmin=0.75 * hertz[voiced].min(),
        fmax=min(1.4 * hertz.max(), RATE / 2 - 1),
        sr=RATE,
        frame_length=frame,
        hop_length=round(performance.HOP * RATE),
    )
    at = np.interp(time, np.arange(len(heard)) * round(0.01 * RATE) / RATE, heard)
    cents = 1200 * np.log2(at[voiced] / hertz[voiced])
    assert np.median(np.abs(cents)) < 15
    assert abs(np.median(cents)) < 12


def test_vibrato_is_in_the_track_and_in_the_sound():
    note = [composition.Note(0.1, 3.5, 69, 90)]
    (player,) = performance.perform([note], ["vn"], 4.0, RATE, np.random.default_rng(2))
    time, hertz = player.f0.T
    steady = (time > 0.8) & (time < 3.2)
    heard = librosa.yin(
        player.stem, fmin=350, fmax=550, sr=RATE, frame_length=1024, hop_length=220
    )
    heard = np.interp(time[steady], np.arange(len(heard)) * 220 / RATE, heard)
    told = 1200 * np.log2(hertz[steady] / 440)
    heard = 1200 * np.log2(heard / 440)
    spectrum = np.abs(np.fft.rfft((told - told.mean()) * np.hanning(len(told))))
    rate = np.fft.rfftfreq(len(told), 0.01)[np.argmax(spectrum)]
    assert 4.5 < rate < 7 and 10 < np.ptp(told) / 2 < 40
    assert np.corrcoef(told, heard)[0, 1] > 0.8


@pytest.mark.parametrize("code", ["cl", "fl", "ob", "tpt", "tbn", "va", "vn"])
def test_energy_rises_where_a_note_begins_after_a_pause(code):
    (player,) = performed([code], seconds=12.0, seed=7)
    power = np.convolve(player.stem**2, np.ones(220) / 220, "same")
    onset, _, duration = player.notes.T
    before = np.concatenate([[-1.0], (onset + duration)[:-1]])
    tested = onset[onset - before > 0.25]
    assert len(tested)
    for a in tested:
        level = power[int(a * RATE) : int((a + 0.3) * RATE)].max()
        silent = power[int((a - 0.03) * RATE) : int((a - 0.01) * RATE)].max()
        assert power[: int((a + 0.06) * RATE)][int(a * RATE) :].max() > 0.05 * level
        assert silent < 0.02 * level


def test_notes_are_in_order_within_the_piece_and_do_not_overlap():
    for player in performed(["vn", "fl", "vc"], 8.0):
        onset, hertz, duration = player.notes.T
        assert np.all(onset[1:] > (onset + duration)[:-1]) and np.all(duration > 0.02)
        assert onset[0] >= 0 and onset[-1] + duration[-1] <= 8.0
        expected = 440 * 2 ** ((player.keys - 69) / 12)
        assert np.all(np.abs(1200 * np.log2(hertz / expected)) < 40)


def test_players_of_one_chord_do_not_begin_on_the_same_sample():
    notes = [composition.Note(0.2 + 0.5 * i, 0.4, 60 + i, 80) for i in range(8)]
    rng = np.random.default_rng(0)
    one, two = performance.perform([notes, notes], ["vn", "vn"], 5.0, RATE, rng)
    apart = one.notes[:, 0] - two.notes[:, 0]
    assert 0.005 < np.std(apart) < 0.05 and np.all(np.abs(apart) < 0.12)


def test_a_rendering_does_not_depend_on_what_was_rendered_before():
    notes, bends = (
        [(100, 9000, 69, 90), (9500, 15000, 71, 60)],
        [(0, 0.0), (5000, 30.0)],
    )
    first = synthesizer.render(40, notes, bends, 16000, RATE)
    held = [(0, 5000, 40, 127)]  # cut off while it sounds, bent, other program
    synthesizer.render(58, held, [(0, -150.0)], 3000, RATE)
    second = synthesizer.render(40, notes, bends, 16000, RATE)
    assert first.tobytes() == second.tobytes() and np.abs(first).max() > 0.01


def test_without_the_synthesizer_the_error_teaches_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    synthesizer._synth.cache_clear()
    with pytest.raises(InputError, match="pip install --no-deps tinysoundfont"):
        synthesizer.render(40, [], [(0, 0.0)], 10, 12345)


HALL = room.Room((6.0, 5.0, 3.0), (3.0, 1.0, 1.5), 0.6, 0.4, 0.05)


def test_reflections_arrive_when_geometry_says():
    dry = room.Room((6.0, 5.0, 3.0), (3.0, 1.0, 1.5), 0.6, 0.4, 0.0)
    source, rate = (2.0, 3.0, 1.1), 48000
    response = room.impulse_response(source, dry, rate, np.random.default_rng(0))
    direct = np.hypot(np.hypot(1.0, 2.0), 0.4)
    for mirrored in ((2.0, 3.0, -1.1), (-2.0, 3.0, 1.1), (2.0, 7.0, 1.1)):
        distance = np.linalg.norm(np.subtract(mirrored, dry.microphone))
        at = (distance - direct) / 343 * rate
        found = response[int(at)] + response[int(at) + 1]
        assert found == pytest.approx(0.6 * direct / distance, rel=0.02)
    assert response[0] == 1.0


def test_the_tail_decays_by_sixty_decibels_in_the_reverberation_time():
    rate = 16000
    response = room.impulse_response((2, 3, 1.1), HALL, rate, np.random.default_rng(0))
    left = np.cumsum(response[::-1].astype(float) ** 2)[::-1]  # Schroeder's integral
    decibels, time = 10 * np.log10(left), np.arange(len(left)) / rate
    span = slice(int(0.08 * rate), int(0.25 * rate))
    slope = np.polyfit(time[span], decibels[span], 1)[0]
    assert -60 / slope == pytest.approx(HALL.decay, rel=0.2)


def test_each_seat_sounds_different_and_the_direct_sound_keeps_its_time():
    responses = [
        room.impulse_response(
            room.seat(i, 3, HALL), HALL, RATE, np.random.default_rng(0)
        )
        for i in range(3)
    ]
    click = np.zeros(4000, np.float32)
    click[1000] = 1
    for response in responses:
        placed = room.place(click, response)
        assert np.argmax(np.abs(placed)) == 1000 and np.abs(placed[:1000]).max() < 1e-6
    assert np.abs(responses[0][: len(click)] - responses[1][: len(click)]).max() > 0.05


def test_noise_has_the_level_asked_for():
    noise = room.noise(100000, 1e-3, np.random.default_rng(0))
    assert np.sqrt(np.mean(noise.astype(float) ** 2)) == pytest.approx(1e-3, rel=0.02)
