"""Evaluations in words."""

from small_pages import evaluation

from reports.evaluation import WIDTH, EvaluationFile, classes_text, evaluation_text


def test_classes_are_read_downwards_in_columns_that_fit() -> None:
    names = [f"class number {number:02}" for number in range(40)]
    values = {name: place / 100 for place, name in enumerate(names)}
    title, *lines = classes_text("seg", {"IoU": values}).splitlines()
    assert title == "seg by class: IoU"
    cells = [line.split("    ") for line in lines]
    downwards = [row[column] for column in range(4) for row in cells]
    assert downwards == [f"{name}  {value:.4f}" for name, value in values.items()]
    assert len(cells) == 10 and max(map(len, lines)) <= WIDTH


def test_several_metrics_of_a_class_stand_together_and_a_dash_is_explained() -> None:
    metrics = {"f1": {"sun": 0.5, "rain": None}, "auc": {"sun": 1.0, "rain": 0.25}}
    assert classes_text("weather", metrics).splitlines() == [
        "weather by class: f1, auc; -: undefined",
        "sun   0.5000  1.0000    rain       -  0.2500",
    ]


def test_a_name_wider_than_the_page_has_a_line_of_its_own() -> None:
    long = "w" * 200
    assert classes_text("seg", {"IoU": {long: 0.5, "b": 0.25}}).splitlines()[1:] == [
        f"{long}  0.5000", f"b{' ' * 199}  0.2500"
    ]  # fmt: skip


def test_files_of_before_have_no_classes() -> None:
    file = EvaluationFile.parse(evaluation(), "eval.json")
    assert file.by_class == {} and "by class" not in evaluation_text(file)
