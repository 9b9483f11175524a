from reports.wording import counted


def test_one_is_one_and_others_are_many() -> None:
    assert [counted(n, "batch") for n in (0, 1, 1234)] == ["0 batches", "1 batch", "1,234 batches"]
    assert counted(2, "seed") == "2 seeds" and counted(2, "child", "children") == "2 children"
