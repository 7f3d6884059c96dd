from __future__ import annotations

import pytest
from typer.testing import CliRunner

from vitruvian import weights
from vitruvian.cli import app


def _invoke(*arguments: object):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_list_says_what_there_is_and_what_is_here(full_files):
    result = _invoke("models", "list")
    assert result.exit_code == 0
    for model in weights.list_models():
        assert model.name in result.output
    assert str(weights.default_cache()) in result.output


def test_pull_from_a_file_then_path_and_verify(lite_bundle, tmp_path):
    assert _invoke("models", "path", "lite", "--cache", tmp_path).exit_code == 1
    pulled = _invoke("models", "pull", "lite", "--from", lite_bundle, "--cache", tmp_path)
    assert pulled.exit_code == 0, pulled.output
    path = _invoke("models", "path", "lite", "--cache", tmp_path)
    assert path.exit_code == 0
    assert path.stdout == pulled.stdout
    assert _invoke("models", "verify", "--cache", tmp_path).stdout.startswith("ok ")


def test_verify_finds_a_changed_byte(lite_bundle, tmp_path):
    _invoke("models", "pull", "lite", "--from", lite_bundle, "--cache", tmp_path)
    (place,) = weights.paths("lite", cache=tmp_path)
    data = bytearray(place.read_bytes())
    data[-100] ^= 1
    place.write_bytes(data)
    result = _invoke("models", "verify", "lite", "--cache", tmp_path)
    assert result.exit_code == 1
    assert result.stdout.startswith("damaged ")
    assert "instead of" in result.stdout


def test_verify_without_any_model_says_how_to_get_one(tmp_path):
    result = _invoke("models", "verify", "--cache", tmp_path)
    assert result.exit_code == 0
    assert "vitruvian models pull full" in result.stdout
    assert "vitruvian models pull hands-full" in result.stdout


def test_a_model_of_hands_has_a_name_and_an_alias_for_its_command(hands_files):
    path = _invoke("models", "path", "hands-full")
    assert path.exit_code == 0
    assert path.stdout.splitlines() == list(map(str, weights.paths("hands-full")))
    rows = [line.split() for line in _invoke("models", "list").stdout.splitlines() if "hands-full" in line]
    assert {"hands-full", "full", "hands", "yes"} <= set(rows[0])


@pytest.mark.parametrize("command", ["pull", "path", "verify"])
def test_an_unknown_name_is_an_error_that_lists_the_names(command, tmp_path):
    result = _invoke("models", command, "gigantic", "--cache", tmp_path)
    assert result.exit_code == 1
    assert "pose-full" in str(result.exception)


def test_doctor_prints_what_a_bug_report_needs(full_files):
    result = _invoke("doctor")
    assert result.exit_code == 0
    for word in (
        "vitruvian",
        "python",
        "openvino",
        "devices",
        "CPU",
        "cache",
        "model pose-full",
        "model hands-full",
        "verified",
    ):
        assert word in result.stdout


def test_version():
    result = _invoke("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("vitruvian 0.")
