import pytest

from vitruvian import OptionError, open_sink
from vitruvian.sinks.formats import FORMATS

NAMES = {
    "c3d": ["clip.3.c3d", "clip.8.c3d"],
    "coco": ["clip.coco.json"],
    "csv": ["clip.csv"],
    "jsonl": ["clip.jsonl"],
    "npz": ["clip.npz"],
    "parquet": ["clip.parquet"],
    "trc": ["clip.3.trc", "clip.8.trc"],
}


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_has_its_files(kind, people_of, frame_at, model, tmp_path):
    with open_sink(kind, tmp_path, "clip", model) as sink:
        for i in range(3):
            sink.write(frame_at(i), people_of(3, 8))
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES[kind]


def test_another_format_is_refused(model, tmp_path):
    with pytest.raises(OptionError, match="'xlsx'; there are: c3d, coco, csv"):
        open_sink("xlsx", tmp_path, "clip", model)
