"""Published numbers beside what is in a folder."""

from dataclasses import replace
from pathlib import Path

from small_pages import evaluation, write
from small_reports import similarity_json

from reports.page.found import Found, read_folder
from reproduce.beside import published_beside


def found(folder: Path, run: str, tasks: tuple[str, ...], method: str = "baseline", ratio: int | None = None) -> Found:
    return read_folder(write(folder, eval_run=evaluation(run, tasks, "nyuv2", method, ratio)))


def test_a_published_network_has_its_row_in_our_units(tmp_path: Path) -> None:
    (sparsity, cotraining) = published_beside(found(tmp_path, "run", ("seg", "sn"))).evaluations["run"]
    assert sparsity.source.startswith("Sun et al., DiSparse")
    assert sparsity.values["seg", "mIoU"] == "0.2769" and sparsity.values["sn", "Angle Mean"] == "16.55"
    assert cotraining.values["seg", "mIoU"] == "0.16" and cotraining.values["sn", "Angle Mean"] == "17.49"
    (sparse,) = published_beside(found(tmp_path, "run", ("sn", "seg"), "disparse_static", 90)).evaluations["run"]
    assert sparse.values["seg", "mIoU"] == "0.2648"


def test_nothing_is_published_of_other_runs(tmp_path: Path) -> None:
    for tasks, method, ratio in ((("seg", "sn", "depth"), "baseline", None), (("seg", "sn"), "disparse_static", 50)):
        assert published_beside(found(tmp_path, "run", tasks, method, ratio)).evaluations == {"run": []}
    results = found(tmp_path, "run", ("seg", "sn"))
    other = [file.model_copy(update={"dataset": "rooms"}) for file in results.evaluations]
    assert published_beside(replace(results, evaluations=other)).evaluations == {"run": []}


def test_similarities_of_nyuv2_stand_beside_the_report(tmp_path: Path) -> None:
    contents = similarity_json(sparsities=(30, 50, 70, 90))
    beside = published_beside(read_folder(write(tmp_path, similarity=contents | {"dataset": "nyuv2"})))
    assert beside.similarity is not None and "The order of the pairs agrees in" in beside.similarity_note
    assert published_beside(read_folder(write(tmp_path, similarity=contents))).similarity is None
