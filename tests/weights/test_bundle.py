from __future__ import annotations

import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitruvian import weights
from vitruvian.errors import WeightsError, WeightsMissingError
from vitruvian.weights import archive, open_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MakeBundle

DETECTOR, LANDMARKER = "pose_detector.tflite", "pose_landmarks_detector.tflite"
MEMBERS = {"detector": DETECTOR, "landmarker": LANDMARKER}
NETWORK = b"\x1c\x00\x00\x00TFL3 network"


def failure(data: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        open_bundle(data, members=MEMBERS)
    return str(caught.value)


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_stored_or_deflated_become_networks_by_role(make_bundle: MakeBundle, method: int) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK + b"2", "labels.txt": b"x"}, method=method)
    networks = open_bundle(bundle, members=MEMBERS)
    assert {role: (file.name, file.data) for role, file in networks.items()} == {
        "detector": (DETECTOR, NETWORK),
        "landmarker": (LANDMARKER, NETWORK + b"2"),
    }


def test_the_real_bundle_opens_from_path_and_from_bytes(real_bundle: Path) -> None:
    by_path = weights.load(real_bundle)
    assert by_path == weights.load(str(real_bundle)) == weights.load(real_bundle.read_bytes())
    assert [len(by_path[role].data) for role in MEMBERS] == [2959078, 2818390]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(make_bundle: MakeBundle, method: int) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK}, method=method)
    assert f"compressed with method {method}" in failure(bundle)


def test_a_missing_member_lists_the_members_that_are_there(make_bundle: MakeBundle) -> None:
    text = failure(make_bundle({DETECTOR: NETWORK, "notes.txt": b""}))
    assert f"has no member {LANDMARKER}" in text
    assert "'pose_detector.tflite', 'notes.txt'" in text


def test_the_list_of_members_is_short_and_printable(make_bundle: MakeBundle) -> None:
    text = failure(make_bundle({f"\x1b[31m{index}": b"" for index in range(50)}))
    assert "and 40 more" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "name", [f"x/{DETECTOR}", f"../{DETECTOR}", f"/{DETECTOR}", f"x\\{DETECTOR}", DETECTOR.upper()]
)
def test_another_path_is_another_member(make_bundle: MakeBundle, name: str) -> None:
    bundle = make_bundle({name: NETWORK, LANDMARKER: NETWORK})
    assert f"has no member {DETECTOR}" in failure(bundle)


def test_a_name_with_a_nul_is_another_member(make_bundle: MakeBundle) -> None:
    bundle = make_bundle({f"{DETECTOR}_x": NETWORK, LANDMARKER: NETWORK})
    bundle = patched(bundle, f"{DETECTOR}_x".encode(), f"{DETECTOR}\0x".encode())
    assert f"has no member {DETECTOR}" in failure(bundle)


def test_duplicates_of_a_required_member_are_refused(make_bundle: MakeBundle) -> None:
    double = "pose_detector.tflit2"
    bundle = make_bundle({DETECTOR: NETWORK, double: NETWORK, LANDMARKER: NETWORK})
    assert "has 2 members called" in failure(patched(bundle, double.encode(), DETECTOR.encode()))


def test_duplicates_of_another_member_do_not_matter(make_bundle: MakeBundle) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK, "a": b"", "b": b""})
    assert open_bundle(patched(bundle, b"b", b"a"), members=MEMBERS)


def test_encrypted_members_are_refused(make_bundle: MakeBundle) -> None:
    bundle = bytearray(make_bundle())
    at = bundle.index(b"PK\x01\x02") + 8
    bundle[at] |= 1
    assert "is encrypted" in failure(bytes(bundle))


def test_a_wrong_checksum_is_noticed(make_bundle: MakeBundle) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK})
    assert "damaged or cut short (Bad CRC-32" in failure(patched(bundle, b"TFL3 net", b"TFL3 nut"))


def test_an_entry_that_claims_too_much_is_refused_unread(make_bundle: MakeBundle) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK})
    size = struct.pack("<II", len(NETWORK), len(NETWORK))
    claim = struct.pack("<II", len(NETWORK), archive.MAX_MEMBER + 1)
    assert "more than the 67,108,864 allowed" in failure(patched(bundle, size, claim))


def test_an_entry_that_claims_too_little_is_refused(make_bundle: MakeBundle) -> None:
    bomb = NETWORK + bytes(1 << 20)
    bundle = make_bundle({DETECTOR: bomb, LANDMARKER: NETWORK}, method=zipfile.ZIP_DEFLATED)
    claimed = patched(bundle, struct.pack("<I", len(bomb)), struct.pack("<I", 100))
    assert "damaged or cut short" in failure(claimed)


def test_an_entry_that_claims_more_than_there_is_is_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK}, method=zipfile.ZIP_DEFLATED)
    small = zlib.compress(NETWORK, wbits=-15)
    size, claim = struct.pack("<II", len(small), len(NETWORK)), struct.pack("<II", len(small), 1000)
    assert "but its entry says 1,000" in failure(patched(bundle, size, claim))


def test_a_huge_deflated_member_is_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(
        {DETECTOR: NETWORK + bytes(archive.MAX_MEMBER), LANDMARKER: NETWORK}, method=zipfile.ZIP_DEFLATED
    )
    assert "more than the 67,108,864 allowed" in failure(bundle)


def test_archives_with_many_entries_are_refused_unlisted() -> None:
    assert "more than the 10,000 entries" in failure(b"PK\x01\x02" * (archive.MAX_ENTRIES + 1))


def test_large_archives_are_refused(monkeypatch: pytest.MonkeyPatch, make_bundle: MakeBundle) -> None:
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 100)
    assert "larger than the 100 bytes" in failure(make_bundle())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "this is empty"),
        (b"\xff\xd8\xff\xe0 a photo", "this is not a zip archive"),
        (NETWORK, "this is a single network, not a bundle of 2"),
    ],
)
def test_what_is_not_an_archive_is_named(data: bytes, says: str) -> None:
    assert says in failure(data)


def test_members_must_be_networks(make_bundle: MakeBundle) -> None:
    assert f"{DETECTOR} is not a TensorFlow Lite network" in failure(
        make_bundle({DETECTOR: b"text", LANDMARKER: NETWORK})
    )


def test_an_error_names_the_file_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "mine.task"
    path.write_bytes(b"no zip")
    with pytest.raises(WeightsError, match=r"mine\.task: this is not a zip") as caught:
        weights.load(path)
    assert caught.value.path == path


def test_a_real_bundle_cut_anywhere_is_refused(real_bundle: Path) -> None:
    data = real_bundle.read_bytes()
    for part in range(64):
        assert failure(data[: len(data) * part // 64])


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_our_error(data: bytes) -> None:
    assert failure(data)
    assert failure(b"PK\x03\x04" + data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_a_bundle_with_any_bytes_changed_opens_or_is_refused_with_our_error(
    data: st.DataObject, make_bundle: MakeBundle
) -> None:
    method = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    bundle = bytearray(make_bundle(method=method))
    positions = st.integers(0, len(bundle) - 1)
    for at, value in data.draw(st.dictionaries(positions, st.integers(0, 255), max_size=4)).items():
        bundle[at] = value
    bundle = bundle[: data.draw(st.integers(0, len(bundle)) | st.just(len(bundle)))]
    try:
        networks = open_bundle(bytes(bundle), members=MEMBERS)
    except WeightsError:
        return
    assert list(networks) == list(MEMBERS)


def test_an_offset_beyond_all_counting_is_refused(make_bundle: MakeBundle) -> None:
    # A 64-bit directory: extra field 1 with an 8-byte offset of the first member.
    bundle = make_bundle({DETECTOR: NETWORK, LANDMARKER: NETWORK})
    start = bundle.index(b"PK\x01\x02")
    end = bundle.index(b"PK\x05\x06")
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    entry = bytearray(bundle[start : start + 46 + len(DETECTOR)])
    entry[30:32] = struct.pack("<H", len(extra))
    entry[42:46] = b"\xff\xff\xff\xff"
    directory = bytes(entry) + extra + bundle[start + len(entry) : end]
    tail = bytearray(bundle[end:])
    tail[12:16] = struct.pack("<I", len(directory))
    assert "damaged or cut short" in failure(bundle[:start] + directory + bytes(tail))


# A folder of networks


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(NETWORK + name.encode())
    return folder


@pytest.mark.parametrize(
    "landmarker", [LANDMARKER, *(f"pose_landmark_{size}.tflite" for size in ("lite", "heavy"))]
)
@pytest.mark.parametrize("detector", [DETECTOR, "pose_detection.tflite"])
def test_a_folder_may_use_the_names_of_bundle_or_wheel(
    tmp_path: Path, detector: str, landmarker: str
) -> None:
    networks = weights.load(fill(tmp_path, detector, landmarker, "hand.tflite"))
    assert {role: file.name for role, file in networks.items()} == {
        "detector": detector,
        "landmarker": landmarker,
    }


def test_a_folder_with_two_candidates_says_which(tmp_path: Path) -> None:
    fill(tmp_path, DETECTOR, "pose_landmark_lite.tflite", "pose_landmark_full.tflite")
    with pytest.raises(
        WeightsError, match=r"2 files .* \(pose_landmark_lite.tflite, pose_landmark_full.tflite\)"
    ):
        weights.load(tmp_path)


def test_a_folder_without_a_candidate_says_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path, DETECTOR, "hand.tflite", "notes.txt")
    with pytest.raises(
        WeightsMissingError, match=r"no file for the landmarker; .* found hand.tflite, pose_det"
    ):
        weights.load(str(tmp_path))


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"found no \.tflite file"):
        weights.load(tmp_path)


def test_a_folder_in_a_file_s_place_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, LANDMARKER)
    (tmp_path / DETECTOR).mkdir()
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.load(tmp_path)


def test_a_folder_with_something_else_under_the_name_is_an_error(tmp_path: Path) -> None:
    fill(tmp_path, LANDMARKER)
    (tmp_path / DETECTOR).write_bytes(b"<html>404</html>")
    with pytest.raises(WeightsError, match="is not a TensorFlow Lite network"):
        weights.load(tmp_path)


@pytest.mark.parametrize("kind", [str, None])
def test_a_path_that_is_not_there_lists_the_known_names(tmp_path: Path, kind: type | None) -> None:
    path = tmp_path / "nothing.task"
    with pytest.raises(WeightsMissingError, match=r"known models: pose-full \(or full\), pose-lite"):
        weights.load(str(path) if kind else path)


def test_a_path_object_is_never_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsMissingError, match="no such file"):
        weights.load(tmp_path.joinpath("full").relative_to(tmp_path))


def test_a_name_that_is_too_long_for_a_path_is_our_error() -> None:
    with pytest.raises(WeightsError):
        weights.load("x" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="neither a file nor a folder"):
        weights.load(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_our_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.task"
    path.write_bytes(b"")
    path.chmod(0)
    with pytest.raises(WeightsError, match="cannot be read"):
        weights.load(path)
